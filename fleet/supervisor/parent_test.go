package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse.example/fleet/supervisor"
)

// parent is a supervisor in a process of its own, which prints its replica's address and waits to be killed.
func parent() int {
	self, _ := os.Executable()
	s, err := supervisor.New(supervisor.Options{Pool: poolOf{&nursery{pool: map[string]string{}}}, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = s.Start(context.Background(), supervisor.Spec{Name: "shop-1", Service: "shop", Path: self, Env: []string{envChild + "=serves"}})
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(s.Replicas()[0].Addr)
	select {}
}

func TestParent_DeathStopsTheReplica(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envChild+"=parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	addr := strings.TrimSpace(line)
	_ = cmd.Process.Kill() // SIGKILL: it cannot say goodbye
	_ = cmd.Wait()
	// An orphan may stay a zombie where nobody reaps it: what counts is that it serves no more.
	for {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
}

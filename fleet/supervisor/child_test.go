package supervisor_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/fleet"
)

// envChild makes this test binary a replica instead: its value says how the replica behaves.
const envChild = "FLEET_TEST_CHILD"

func TestMain(m *testing.M) {
	if how := os.Getenv(envChild); how != "" {
		os.Exit(child(how))
	}
	os.Exit(m.Run())
}

// child is a replica: it answers every request with its process id.
func child(how string) int {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	switch how {
	case "fails":
		fmt.Fprintln(os.Stderr, "the first line\nthe database cannot be opened")
		return 1
	case "never ready":
		<-stop.Done()
		return 0
	case "parent":
		return parent()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pid := strconv.Itoa(os.Getpid())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, pid)
	})}
	go func() { _ = server.Serve(ln) }()
	if how == "hangs" {
		signal.Ignore(syscall.SIGTERM)
		stop = context.Background()
	}
	if err := fleet.Announce(ln.Addr().String(), "127.0.0.1:9"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if how == "dies" {
		return 3
	}
	select {
	case <-stop.Done():
	case <-fleet.ParentGone():
	}
	bound, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = server.Shutdown(bound)
	return 0
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse.example/fleet"
)

// process is a server that we started. It reports that it is ready as to a supervisor (package fleet).
type process struct {
	cmd   *exec.Cmd
	addr  string        // host:port
	ready time.Duration // from its start until it was ready
	alive *os.File      // the process ends when this is closed, also when we are killed
	gone  chan struct{}
}

// launch starts argv on the given cores and returns once it is ready. Its output goes to the file log.
func (c cores) launch(set unix.CPUSet, log string, env []string, argv ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	readyOut, readyIn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer readyOut.Close()
	aliveOut, aliveIn, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, readyIn.Close())
	}
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), alive: aliveIn, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.ExtraFiles = []*os.File{readyIn, aliveOut}
	p.cmd.Env = append(environment(), append(env, fleet.EnvReadyFD+"=3", fleet.EnvParentFD+"=4")...)
	began := time.Now()
	err = c.on(set, p.cmd.Start)
	_, _ = readyIn.Close(), aliveOut.Close()
	if err != nil {
		return nil, errors.Join(err, aliveIn.Close())
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	_ = readyOut.SetReadDeadline(began.Add(time.Minute))
	line, err := bufio.NewReader(readyOut).ReadBytes('\n')
	p.ready = time.Since(began)
	var said fleet.Ready
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil {
		p.stop()
		words, _ := os.ReadFile(log)
		return nil, fmt.Errorf("%s is not ready: %w\n%s", strings.Join(argv[1:], " "), err, words)
	}
	p.addr = said.Addr
	return p, nil
}

// environment returns our environment without the variables that configure Gatehouse.
func environment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GATEHOUSE_") && !strings.HasPrefix(v, "REDIS_URL=") && !strings.HasPrefix(v, "DATABASE_URL=") {
			kept = append(kept, v)
		}
	}
	return kept
}

// stop ends the process and returns when it has ended.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
	_ = p.alive.Close()
}

// tick is the unit of the times in /proc/PID/stat (USER_HZ).
const tick = 10 * time.Millisecond

// cpu returns the user and system time that the process has used so far.
func (p *process) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(p.file("stat"))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in parentheses, which may contain anything.
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s can't be read", p.file("stat"))
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// resident returns the memory that the process has in RAM, in MiB, and the part of it that no other process can share.
func (p *process) resident() (all, own float64, err error) {
	raw, err := os.ReadFile(p.file("status"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			all = kib / 1024
		case "RssAnon:":
			own = kib / 1024
		}
	}
	return all, own, nil
}

func (p *process) file(name string) string {
	return fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name)
}

package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	startTime = 15 * time.Second // timeout for a lab process to serve
	stopTime  = 5 * time.Second  // between asking it to end and killing it
)

// child is a lab process from its parent's view.
type child struct {
	id               string
	account, network string // see Start
	dir              string
	cmd              *exec.Cmd
	stdin            io.WriteCloser // its end tells the process that the parent has ended
	out              *bufio.Reader
	exited           chan struct{} // closed when the process has been waited for, after which its ID may be another's

	// Guarded by the manager's lock.
	needs  Needs // reserved
	serves bool
	why    string // why the manager ends it; "" if it does not
}

// start runs command as a lab process with the task t, in its own network namespace if the system allows that, and
// waits until the process reports whether it serves.
func (c *child) start(ctx context.Context, command []string, procs int, t task, memory int64, listener *os.File) (said opened, err error) {
	line, err := json.Marshal(t)
	if err != nil {
		return said, err
	}
	if nice, err := exec.LookPath("nice"); err == nil { // requests of the apps have priority
		command = append([]string{nice, "-n", "10"}, command...)
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if t.Postgres == "" { // PostgreSQL is outside the namespace
		said, err = c.try(ctx, command, procs, line, memory, listener, isolate)
		if !said.Shared && !refusedIsolation(err) {
			return said, err
		}
	}
	return c.try(ctx, command, procs, line, memory, listener, func(*syscall.SysProcAttr) {})
}

// try starts the process once, with attributes changed by change.
func (c *child) try(ctx context.Context, command []string, procs int, line []byte, memory int64, listener *os.File, change func(*syscall.SysProcAttr)) (opened, error) {
	c.cmd = exec.Command(command[0], command[1:]...)
	// Do not pass on the rest of the environment: it contains the installation's secrets.
	c.cmd.Env = append(keep("PATH", "GOCOVERDIR"), "TMPDIR="+c.dir, "GOMAXPROCS="+strconv.Itoa(procs), "GOMEMLIMIT="+strconv.FormatInt(memory/4*3, 10))
	c.cmd.Dir = c.dir
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must reach only the parent, which ends the process
	change(c.cmd.SysProcAttr)
	c.cmd.ExtraFiles = []*os.File{listener} // listenerFD
	c.cmd.Stderr = os.Stderr
	c.cmd.WaitDelay = time.Second
	pipe, err := c.cmd.StdoutPipe()
	if err != nil {
		return opened{}, err
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return opened{}, err
	}
	if err := c.cmd.Start(); err != nil {
		return opened{}, err
	}
	c.out = bufio.NewReaderSize(pipe, 64<<10)
	first := make(chan opened, 1)
	go func(out *bufio.Reader) {
		var o opened
		line, err := out.ReadBytes('\n')
		if err != nil || json.Unmarshal(line, &o) != nil {
			o = opened{Error: "it ended before it served"}
		}
		first <- o
	}(c.out)
	_, err = c.stdin.Write(append(line, '\n')) // a process that ended before it read the task may have reported why
	said := opened{}
	select {
	case said = <-first:
		if said.Error != "" {
			err = nil
		}
	case <-ctx.Done():
		err = fmt.Errorf("it wasn't ready in time: %w", ctx.Err())
	}
	if said.Addr == "" {
		c.kill()
		go func(cmd *exec.Cmd) { _ = cmd.Wait() }(c.cmd)
	}
	return said, err
}

// keep returns the environment variables with these names.
func keep(names ...string) (env []string) {
	for _, name := range names {
		if value, there := os.LookupEnv(name); there {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// wait answers the process's requests for more memory or disk, reads its last state, and waits until it has ended.
func (c *child) wait(grow func(Needs) grant) (last State, err error) {
	lines := json.NewDecoder(io.LimitReader(c.out, maxState))
	for {
		var said message
		if err = lines.Decode(&said); err != nil {
			break
		}
		if said.Last != nil {
			last = *said.Last
			break
		}
		if said.Needs != nil {
			_ = json.NewEncoder(c.stdin).Encode(grow(*said.Needs)) // fails only if it is ending
		}
	}
	_, _ = io.Copy(io.Discard, c.out)
	err = errors.Join(c.cmd.Wait(), err)
	close(c.exited)
	return last, err
}

// kill kills the process and all processes that it started.
func (c *child) kill() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// anonymous returns the private memory of the process in bytes (RssAnon), or 0 if the system does not report it; then
// only GOMEMLIMIT limits it.
func (c *child) anonymous() int64 {
	file, err := os.Open(filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid), "status"))
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kib int64
		if _, err := fmt.Sscanf(lines.Text(), "RssAnon: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

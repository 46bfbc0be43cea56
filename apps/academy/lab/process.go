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
	startTime = 15 * time.Second // until a lab process serves
	stopTime  = 5 * time.Second  // between being asked to end and being killed
)

// child is one lab process, as its parent sees it.
type child struct {
	id               string
	account, network string // see Start
	dir              string
	cmd              *exec.Cmd
	stdin            io.WriteCloser // its end means ours
	out              *bufio.Reader
	gone             chan struct{} // closed when all of it is gone

	// Guarded by the manager's lock.
	needs  Needs // reserved
	serves bool
	why    string // it is ended for, when that is the manager's doing
}

// start runs command as a lab process with the task t, in a network of its own where the system allows that, and
// waits until it says whether it serves.
func (c *child) start(ctx context.Context, command []string, procs int, t task, memory int64, listener *os.File) (said opened, err error) {
	line, err := json.Marshal(t)
	if err != nil {
		return said, err
	}
	if nice, err := exec.LookPath("nice"); err == nil { // the estate's own requests come first
		command = append([]string{nice, "-n", "10"}, command...)
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if t.Postgres == "" { // which is outside
		said, err = c.try(ctx, command, procs, line, memory, listener, isolate)
		if !said.Shared && !refusedIsolation(err) {
			return said, err
		}
	}
	return c.try(ctx, command, procs, line, memory, listener, func(*syscall.SysProcAttr) {})
}

// try starts the process once, as change makes its attributes.
func (c *child) try(ctx context.Context, command []string, procs int, line []byte, memory int64, listener *os.File, change func(*syscall.SysProcAttr)) (opened, error) {
	c.cmd = exec.Command(command[0], command[1:]...)
	// Nothing else of our environment: it holds the estate's secrets.
	c.cmd.Env = append(keep("PATH", "GOCOVERDIR"), "TMPDIR="+c.dir, "GOMAXPROCS="+strconv.Itoa(procs), "GOMEMLIMIT="+strconv.FormatInt(memory/4*3, 10))
	c.cmd.Dir = c.dir
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us: we end it
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
	_, err = c.stdin.Write(append(line, '\n')) // a process that ended before it read the task may have said why
	said := opened{}
	select {
	case said = <-first:
		if said.Error != "" {
			err = nil
		}
	case <-ctx.Done():
		err = fmt.Errorf("it did not serve in time: %w", ctx.Err())
	}
	if said.Addr == "" {
		c.kill()
		go func(cmd *exec.Cmd) { _ = cmd.Wait() }(c.cmd)
	}
	return said, err
}

// keep is what our environment says of these names.
func keep(names ...string) (env []string) {
	for _, name := range names {
		if value, there := os.LookupEnv(name); there {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// wait answers what the process asks for, reads what it says at its end, the last state of its run, and waits until it
// is gone.
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
			_ = json.NewEncoder(c.stdin).Encode(grow(*said.Needs)) // it is ending if this fails
		}
	}
	_, _ = io.Copy(io.Discard, c.out)
	return last, errors.Join(c.cmd.Wait(), err)
}

// kill ends the process with all that it started.
func (c *child) kill() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// anonymous is the memory that a process holds for itself alone, in bytes; 0 where the
// system does not tell (there, GOMEMLIMIT alone keeps it small).
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

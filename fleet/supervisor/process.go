package supervisor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"gatehouse.example/fleet"
)

// process is one run of a replica's program.
type process struct {
	cmd        *exec.Cmd
	lastOutput *tail
	alive      *os.File         // our end of the pipe whose EOF tells the child that we have died
	ready      chan fleet.Ready // one message at most
	exited     chan struct{}    // closed when the process is gone
	err        error            // why it ended; read after exited is closed
	started    time.Time
}

// startProcess starts spec's program with the two pipes of package fleet.
func startProcess(spec Spec) (*process, error) {
	readyOut, readyIn, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("create a pipe: %w", err)
	}
	defer readyIn.Close()
	parentOut, parentIn, err := os.Pipe()
	if err != nil {
		readyOut.Close()
		return nil, fmt.Errorf("create a pipe: %w", err)
	}
	defer parentOut.Close()

	p := &process{
		cmd: exec.Command(spec.Path, spec.Args...), alive: parentIn,
		ready: make(chan fleet.Ready, 1), exited: make(chan struct{}), started: time.Now(),
	}
	p.cmd.Env = append(os.Environ(), spec.Env...)
	p.cmd.ExtraFiles = []*os.File{readyIn, parentOut} // the first of them is descriptor 3
	p.cmd.Env = append(p.cmd.Env, fleet.EnvReadyFD+"="+strconv.Itoa(3), fleet.EnvParentFD+"="+strconv.Itoa(4))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Second // for output pipes that a remaining grandchild holds open
	closeOutput, err := p.output(spec)
	if err == nil {
		if err = p.cmd.Start(); err != nil {
			closeOutput()
		}
	}
	if err != nil {
		readyOut.Close()
		parentIn.Close()
		return nil, err
	}
	go p.listen(readyOut)
	go func() {
		defer close(p.exited)
		p.err = p.cmd.Wait()
		parentIn.Close()
		closeOutput()
	}()
	return p, nil
}

// output connects stdout and stderr. With a log file, the child writes to the file directly, so that its output is not
// lost if this process dies.
func (p *process) output(spec Spec) (closeOutput func(), err error) {
	if spec.LogFile == "" {
		p.lastOutput = &tail{}
		var out io.Writer = p.lastOutput
		if spec.Output != nil {
			out = io.MultiWriter(p.lastOutput, spec.Output)
		}
		p.cmd.Stdout, p.cmd.Stderr = out, out
		return func() {}, nil
	}
	file, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening its log: %w", err)
	}
	p.lastOutput = &tail{file: file}
	if info, err := file.Stat(); err == nil {
		p.lastOutput.from = info.Size()
	}
	p.cmd.Stdout, p.cmd.Stderr = file, file
	return func() { p.lastOutput.readFile(); file.Close() }, nil
}

// listen forwards the ready line. The child closes its end after it, or dies, so that this returns.
func (p *process) listen(pipe *os.File) {
	defer pipe.Close()
	go func() { // a grandchild may hold the pipe when the child is gone
		<-p.exited
		_ = pipe.SetReadDeadline(time.Now())
	}()
	line, err := bufio.NewReader(io.LimitReader(pipe, 4096)).ReadBytes('\n')
	if err != nil {
		return
	}
	var r fleet.Ready
	if json.Unmarshal(line, &r) == nil && r.Addr != "" {
		p.ready <- r
	}
}

// terminate sends SIGTERM, waits for grace, and then kills the process group.
func (p *process) terminate(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails if it has just ended by itself
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.kill()
	}
}

// kill ends the process group with SIGKILL and waits until the process has ended.
func (p *process) kill() {
	select {
	case <-p.exited: // its pid may be another process's by now
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

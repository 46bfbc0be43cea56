package lab

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
)

// Storing the end of a run may take longer than stopTime, and its process's ID may be another's by then.
func TestChild_ExitedOnceItWasWaitedFor(t *testing.T) {
	c := &child{cmd: exec.Command("true"), out: bufio.NewReader(strings.NewReader("")), exited: make(chan struct{})}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = c.wait(nil)
	select {
	case <-c.exited:
	default:
		t.Error("the manager may still kill the process group of a process that was waited for")
	}
}

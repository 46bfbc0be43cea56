//go:build unix

package faults_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse.example/tests/estate"
)

// replicas are all that `gatehouse up` starts, unless told otherwise.
var replicas = []string{"portal-1", "portal-2", "shop-1", "shop-2", "forum-1", "forum-2", "analytics-1", "academy-1"}

// pids are the process ids of the replicas of an estate with this data folder, by name; those that do not run just
// now are missing.
func pids(data string) map[string]int {
	found := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(data, "run", "*.pid"))
	for _, file := range files {
		if pid := readPID(file); pid != 0 {
			found[strings.TrimSuffix(filepath.Base(file), ".pid")] = pid
		}
	}
	return found
}

// readPID reads a process id from a file; 0 when there is none.
func readPID(file string) int {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0
	}
	return pid
}

// pidOf waits for a replica to have a process that is not old.
func pidOf(t *testing.T, e *estate.Estate, replica string, old int) int {
	t.Helper()
	var pid int
	eventually(t, replica+" runs", func() bool {
		pid = pids(e.Data)[replica]
		return pid != 0 && pid != old
	})
	return pid
}

// gone reports whether a process has ended, with all its threads: the first of them may be a zombie while another still
// holds the sockets open, and connections are still taken. A process that has ended, and that nobody has waited for,
// counts: where an orphan's new parent does not wait for it, it stays so.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // no /proc here: believe the signal
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return bytes.HasPrefix(state, []byte("Z")) && (err != nil || len(threads) <= 1)
}

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// cores holds the CPU sets on which processes run.
type cores struct {
	all    unix.CPUSet // those available to this program
	server unix.CPUSet // one core for the measured server
	load   unix.CPUSet // another core for the load
	apart  bool        // server and load are on different cores
}

// pinned is the environment variable that tells this program, executed again, that it is bound to the load's core.
const pinned = "GATEHOUSE_BENCH_CORES"

// bindLoad binds this program to the core of the load. Running threads can't be bound together, so the program executes
// itself again from a thread that is bound.
func bindLoad() (cores, error) {
	var c cores
	if given := os.Getenv(pinned); given != "" {
		for i, s := range strings.Split(given, ",") {
			if s == "1" {
				c.all.Set(i)
			}
		}
		c.split()
		return c, os.Unsetenv(pinned)
	}
	if err := unix.SchedGetaffinity(0, &c.all); err != nil {
		return c, fmt.Errorf("which cores there are: %w", err)
	}
	c.split()
	if !c.apart {
		return c, nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &c.load); err != nil {
		return c, fmt.Errorf("binding to a core: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	var marks []string
	for i := range len(c.all) * 64 {
		mark := "0"
		if c.all.IsSet(i) {
			mark = "1"
		}
		marks = append(marks, mark)
	}
	return c, syscall.Exec(self, os.Args, append(os.Environ(), pinned+"="+strings.Join(marks, ",")))
}

// split assigns the first core to the server and the second to the load.
func (c *cores) split() {
	found := 0
	for i := range len(c.all) * 64 {
		if !c.all.IsSet(i) {
			continue
		}
		switch found++; found {
		case 1:
			c.server.Set(i)
		case 2:
			c.load.Set(i)
		}
	}
	c.apart = found > 1
	if !c.apart {
		c.load = c.server
	}
}

// on calls start on a thread that is bound to set: a child process runs on the cores of its parent's thread.
func (c cores) on(set unix.CPUSet, start func() error) error {
	if !c.apart {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("binding to a core: %w", err)
	}
	defer func() { _ = unix.SchedSetaffinity(0, &c.load) }()
	return start()
}

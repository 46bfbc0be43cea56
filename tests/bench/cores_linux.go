package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// cores says where processes run.
type cores struct {
	all    unix.CPUSet // what we were given
	server unix.CPUSet // one core for the server that is measured
	load   unix.CPUSet // another one for the load
	apart  bool        // there is more than one
}

// pinned tells the second life of this program that it is bound to the load's core already.
const pinned = "GATEHOUSE_BENCH_CORES"

// bindLoad binds this program to the core of the load. Threads that run already can't be bound together, so
// that it executes itself again from a thread that is bound.
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

// split gives the first core to the server and the second to the load.
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

// on runs start from a thread that is bound to set: a child begins where its parent's thread is.
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

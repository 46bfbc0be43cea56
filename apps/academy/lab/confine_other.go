//go:build !linux

package lab

import (
	"errors"
	"syscall"
)

var errNamespace = errors.New("lab: the network namespace can't be used")

// isolate does nothing: this system has neither namespaces nor Landlock, so a lab process is only separated as a
// process.
func isolate(*syscall.SysProcAttr) {}

func refusedIsolation(error) bool { return false }

func confine(string) error { return nil }

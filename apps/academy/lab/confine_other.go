//go:build !linux

package lab

import (
	"errors"
	"syscall"
)

var errNamespace = errors.New("lab: the network namespace can't be used")

// This system has neither namespaces nor Landlock: a lab process is only a process of its own.
func isolate(*syscall.SysProcAttr) {}

func refusedIsolation(error) bool { return false }

func confine(string) error { return nil }

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: this needs Linux, where a process can be bound to a core and /proc tells what it uses.")
	os.Exit(1)
}

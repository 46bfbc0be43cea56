//go:build !unix

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: this starts a redis-server, which needs Unix.")
	os.Exit(1)
}

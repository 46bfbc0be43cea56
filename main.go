// Gatehouse is an identity provider with sibling apps, in one binary:
//
//	gatehouse up          run the whole estate on this machine, with a load balancer
//	gatehouse portal      run one replica of one service (also: shop, forum, analytics, academy)
//	gatehouse migrate     migrate all databases
//
// This package only connects the parts: config.go reads flags and environment, up.go runs the estate, service.go runs
// one replica, services.go creates each service.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse: "+sentence(err))
		os.Exit(1)
	}
}

// sentence formats err for the terminal, with one line for each of several joined errors.
func sentence(err error) string {
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		return err.Error()
	}
	return strings.ReplaceAll(err.Error(), "\n", "\ngatehouse: ")
}

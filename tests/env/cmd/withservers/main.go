//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"gatehouse.example/tests/env"
)

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("usage: withservers COMMAND [ARGUMENT]…"))
	}
	redis, err := env.StartRedis("")
	if err != nil {
		fail(err)
	}
	defer redis.Stop()
	postgres, err := env.StartPostgres("")
	if err != nil {
		fail(err)
	}
	defer postgres.Stop()
	// Ctrl-C reaches the command too; this program ends after it.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)

	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"GATEHOUSE_TEST_REDIS_URL="+redis.URL(), "GATEHOUSE_TEST_POSTGRES_URL="+postgres.URL())
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		postgres.Stop()
		redis.Stop()
		os.Exit(max(exit.ExitCode(), 1))
	case err != nil:
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "withservers:", err)
	os.Exit(1)
}

package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"

	"gatehouse/apps/academy/experiments"
	"gatehouse/apps/academy/lab"
)

// laboratoryConfig is empty: the academy tells the process on its standard input what
// to run.
type laboratoryConfig struct{}

// laboratory runs one experiment of the academy.
func laboratory(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("service", "laboratory")
	redis.SetLogger(redisLog{log})
	return lab.Serve(ctx, os.Stdin, os.Stdout, experiments.Find, openProvider, log)
}

package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"

	"gatehouse/apps/academy/experiments"
	"gatehouse/apps/academy/lab"
)

// laboratoryConfig has no options: the academy sends the experiment's configuration on standard input.
type laboratoryConfig struct{}

// laboratory runs one experiment of the academy, described on standard input.
func laboratory(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("service", "laboratory")
	redis.SetLogger(redisLog{log})
	return lab.Serve(ctx, os.Stdin, os.Stdout, experiments.Find, openProvider, log)
}

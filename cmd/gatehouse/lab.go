package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/experiments"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/embedded"
	"gatehouse.example/portal"
	"gatehouse.example/portal/standalone"
	"gatehouse.example/sso/loopback"
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

// openProvider starts a portal for a run of an experiment, with a Redis and a database of its own.
func openProvider(ctx context.Context, o lab.ProviderOptions) (*lab.Provider, error) {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: loopback.Dial("localhost"), IdleConnTimeout: 30 * time.Second}}
	}
	if o.Dir == "" {
		return nil, errors.New("the provider needs a folder")
	}
	folder, err := os.MkdirTemp(o.Dir, "portal-")
	if err != nil {
		return nil, fmt.Errorf("can't create the provider's folder: %w", err)
	}
	server, err := embedded.StartRedis()
	if err != nil {
		return nil, err
	}
	rdb, err := openRedis(server.URL())
	if err != nil {
		server.Close()
		return nil, err
	}
	var known []standalone.Client
	for _, c := range o.Clients {
		known = append(known, standalone.Client{ID: c.ID, Name: c.ID, Secret: c.Secret, BaseURL: c.BaseURL})
	}
	var people []standalone.Account
	for _, a := range o.Accounts {
		people = append(people, standalone.Account(a))
	}
	p, err := standalone.Open(ctx, portal.Deps{Redis: rdb, Logger: o.Logger, HTTPClient: o.Client}, standalone.Options{
		Folder: filepath.Clean(folder), Accounts: people, Clients: known,
	})
	if err != nil {
		return nil, errors.Join(err, rdb.Close(), closeRedis(server))
	}
	return &lab.Provider{Issuer: p.Issuer, Close: func() error { return errors.Join(p.Close(), rdb.Close(), closeRedis(server)) }}, nil
}

func closeRedis(r *embedded.Redis) error { r.Close(); return nil }

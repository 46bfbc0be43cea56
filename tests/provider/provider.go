package provider

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/embedded"
	"gatehouse.example/portal"
	"gatehouse.example/portal/standalone"
	"gatehouse.example/sso/loopback"
)

// Open opens a portal with its own Redis and folder. It implements lab.OpenProvider.
func Open(ctx context.Context, o lab.ProviderOptions) (*lab.Provider, error) {
	folder, err := os.MkdirTemp(o.Dir, "portal-")
	if err != nil {
		return nil, err
	}
	server, err := embedded.StartRedis()
	if err != nil {
		return nil, err
	}
	at, err := redis.ParseURL(server.URL())
	if err != nil {
		server.Close()
		return nil, err
	}
	rdb := redis.NewClient(at)
	end := func() error { err := rdb.Close(); server.Close(); return err }
	s := standalone.Options{Folder: folder}
	for _, a := range o.Accounts {
		s.Accounts = append(s.Accounts, standalone.Account(a))
	}
	for _, c := range o.Clients {
		s.Clients = append(s.Clients, standalone.Client{ID: c.ID, Name: c.ID, Secret: c.Secret, BaseURL: c.BaseURL})
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: loopback.Dial("localhost"), IdleConnTimeout: time.Second}}
	p, err := standalone.Open(ctx, portal.Deps{Redis: rdb, Logger: o.Logger, HTTPClient: client}, s)
	if err != nil {
		return nil, errors.Join(err, end())
	}
	return &lab.Provider{Issuer: p.Issuer, Close: func() error { return errors.Join(p.Close(), end()) }}, nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy"
	"gatehouse.example/apps/academy/experiments"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/analytics"
	"gatehouse.example/apps/forum"
	"gatehouse.example/apps/shop"
	"gatehouse.example/portal"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/web"
)

// serviceEntry is a service of the estate: what people see of it, and how a replica of it is run.
type serviceEntry struct {
	web.App
	replicas int        // that "gatehouse up" runs by default
	calls    portal.API // another app's API that it calls
	replica  func() replica
}

// services lists the services in the order in which they are shown. Commands, routes, clients, the app switcher and the
// filter of analytics follow from it. To add an app, add a row here, its migrations in db/migrations, its mark and
// accent in assets, and its containers in docker-compose.yml and deploy/nginx.conf (docs/architecture.md).
var services = []serviceEntry{
	{web.App{Key: "portal", Name: "Portal", Tagline: "Your account and sign-ins", Pages: portal.Pages},
		2, portal.API{}, func() replica { return &portalConfig{} }},
	{web.App{Key: "shop", Name: "Shop", Tagline: "Things for your home", Pages: shop.Pages},
		2, portal.API{Service: "analytics", Scope: "analytics:read"}, replicaOf(shop.New)},
	{web.App{Key: "forum", Name: "Forum", Tagline: "Questions, answers and advice", Pages: forum.Pages, Inbox: forum.InboxPath},
		2, portal.API{Service: "shop", Scope: "purchases:read"}, replicaOf(forum.New)},
	{web.App{Key: "analytics", Name: "Analytics", Tagline: "What happens across all apps", Roles: []string{"analyst", "admin"}, Pages: analytics.Pages},
		1, portal.API{}, replicaOf(newAnalytics)},
	{web.App{Key: "academy", Name: "Academy", Tagline: "Learn how sign-in scales", Pages: academy.Pages},
		1, portal.API{Service: "forum", Scope: "forum.topics"}, func() replica { return &academyConfig{} }},
}

// serviceKeys returns the keys of all services.
func serviceKeys() []string {
	keys := make([]string, len(services))
	for i, s := range services {
		keys[i] = s.Key
	}
	return keys
}

// shownApps returns what the pages of every service show of the others.
func shownApps() []web.App {
	shown := make([]web.App, len(services))
	for i, s := range services {
		shown[i] = s.App
	}
	return shown
}

// replicaOf returns the flags of an app that needs nothing but what all apps get.
func replicaOf[A service](construct func(context.Context, apps.Deps) (A, error)) func() replica {
	return func() replica {
		return &appConfig{construct: func(ctx context.Context, d apps.Deps) (service, error) { return construct(ctx, d) }}
	}
}

func newAnalytics(ctx context.Context, d apps.Deps) (*analytics.App, error) {
	return analytics.New(ctx, analytics.Deps{Deps: d})
}

// newService constructs the app.
func (c *appConfig) newService(ctx context.Context, d dependencies) (service, error) {
	return c.construct(ctx, c.deps(d))
}

func (c *appConfig) deps(d dependencies) apps.Deps {
	return apps.Deps{
		DB: d.db, Redis: d.rdb, Estate: c.estate, Replica: c.Replica, Logger: d.log, HTTPClient: d.client, Now: time.Now,
		ClientSecret: c.ClientSecret, Keys: c.keys, Denied: d.denied, Idle: c.SessionIdle, TrustedProxies: c.proxies, Demo: c.Demo,
	}
}

// newService constructs the portal, with every app of the estate as a client.
func (c *portalConfig) newService(ctx context.Context, d dependencies) (service, error) {
	calls := map[string]portal.API{}
	for _, s := range services {
		calls[s.Key] = s.calls
	}
	return portal.New(ctx, portal.Deps{
		DB: d.db, Redis: d.rdb, Estate: c.estate, Replica: c.Replica, Logger: d.log, HTTPClient: d.client,
		Key: c.key, OldKeys: c.oldKeys, Clients: append(portal.EstateClients(c.estate, c.ClientSecrets, calls), c.declared...),
		Denied: d.denied, TrustedProxies: c.proxies, Demo: c.Demo, SignIns: ratelimit.SignInLimits(c.SignIns),
		Lifetimes: portal.Lifetimes{Idle: c.SessionIdle},
	})
}

// newService constructs the academy, which runs this program for its experiments.
func (c *academyConfig) newService(ctx context.Context, d dependencies) (service, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("can't find the path of this program: %w", err)
	}
	postgres := ""
	if !strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		postgres = c.DatabaseURL
	}
	labs, err := lab.NewManager(lab.ManagerOptions{
		Command: []string{program, "laboratory"}, Find: experiments.Find, Key: c.ClientSecret,
		Memory: c.LabsMemory, Disk: c.LabsDisk, Host: c.LabHost, Postgres: postgres, Logger: d.log,
	})
	if err != nil {
		return nil, err
	}
	deps := academy.Deps{Deps: c.deps(d), Labs: labs, Lessons: c.Lessons}
	if c.control != nil {
		deps.Control = c.control
	}
	return academy.New(ctx, deps)
}

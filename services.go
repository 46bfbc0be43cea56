package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/apps"
	"gatehouse/apps/academy"
	"gatehouse/apps/academy/experiments"
	"gatehouse/apps/academy/lab"
	"gatehouse/apps/analytics"
	"gatehouse/apps/forum"
	"gatehouse/apps/shop"
	"gatehouse/portal"
	"gatehouse/portal/attempts"
)

// The functions below create each service. An app is a relying party of the portal and has its client secret; the
// portal has the key and the list of clients.

func (c portalConfig) open(ctx context.Context, p parts) (service, error) {
	own := portal.EstateClients(p.estate, map[string]string{
		"shop": c.ShopSecret, "forum": c.ForumSecret, "analytics": c.AnalyticsSecret, "academy": c.AcademySecret,
	})
	return portal.New(ctx, portal.Deps{
		DB: p.db, Redis: p.rdb, Estate: p.estate, Replica: p.Replica, Logger: p.log, HTTPClient: p.client,
		Key: c.key, OldKeys: c.oldKeys, Clients: append(own, c.declared...), Denied: p.denied, TrustedProxies: p.proxies, Demo: p.Demo,
		SignIns: attempts.SignIns(c.SignIns),
	})
}

func (c appConfig) deps(p parts) apps.Deps {
	return apps.Deps{
		DB: p.db, Redis: p.rdb, Estate: p.estate, Replica: p.Replica, Logger: p.log, HTTPClient: p.client, Now: time.Now,
		ClientSecret: c.ClientSecret, Keys: c.keys, Denied: p.denied, TrustedProxies: p.proxies, Demo: p.Demo,
	}
}

func (c appConfig) openShop(ctx context.Context, p parts) (service, error) {
	return shop.New(ctx, c.deps(p))
}

func (c appConfig) openForum(ctx context.Context, p parts) (service, error) {
	return forum.New(ctx, c.deps(p))
}

func (c appConfig) openAnalytics(ctx context.Context, p parts) (service, error) {
	return analytics.New(ctx, analytics.Deps{Deps: c.deps(p)})
}

func (c academyConfig) openAcademy(ctx context.Context, p parts) (service, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this program does not know where it is: %w", err)
	}
	postgres := ""
	if !strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		postgres = c.DatabaseURL
	}
	labs, err := lab.NewManager(lab.ManagerOptions{
		Command: []string{program, "laboratory"}, Find: experiments.Find, Key: c.ClientSecret,
		Memory: c.LabsMemory, Disk: c.LabsDisk, Host: c.LabHost, Postgres: postgres, Logger: p.log,
	})
	if err != nil {
		return nil, err
	}
	d := academy.Deps{Deps: c.deps(p), Labs: labs, Lessons: c.Lessons}
	if c.control != nil {
		d.Control = c.control
	}
	return academy.New(ctx, d)
}

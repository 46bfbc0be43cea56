//go:build unix

package hostile_test

import (
	"log/slog"
	"net/http"
	"slices"
	"testing"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy"
	"gatehouse.example/apps/academy/experiments"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/analytics"
	"gatehouse.example/apps/forum"
	"gatehouse.example/apps/shop"
	"gatehouse.example/portal"
	"gatehouse.example/tests/env"
)

// handlers builds each service as its program does, for its route table.
func handlers(t *testing.T) map[string]*echo.Echo {
	t.Helper()
	house := env.Estate(t, "http://localhost:8080")
	rdb := env.MiniRedis(t)
	deps := func(service string) apps.Deps {
		return apps.Deps{
			DB: env.DB(t, service), Redis: rdb, Estate: house, Replica: service + "-1",
			Logger: slog.New(slog.DiscardHandler), HTTPClient: http.DefaultClient, ClientSecret: "secret", Keys: [][]byte{[]byte("a key of thirty-two random bytes")},
		}
	}
	d := deps("portal")
	p, err := portal.New(t.Context(), portal.Deps{
		DB: d.DB, Redis: d.Redis, Estate: d.Estate, Replica: d.Replica, Logger: d.Logger, HTTPClient: d.HTTPClient, Key: make([]byte, 32),
		Denied: env.Denied(t, rdb, "portal"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := shop.New(t.Context(), deps("shop"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := forum.New(t.Context(), deps("forum"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := analytics.New(t.Context(), analytics.Deps{Deps: deps("analytics")})
	if err != nil {
		t.Fatal(err)
	}
	y, err := academy.New(t.Context(), academy.Deps{Deps: deps("academy"), Labs: labs(t)})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*echo.Echo{"portal": p.Handler(), "shop": s.Handler(), "forum": f.Handler(), "analytics": a.Handler(), "academy": y.Handler()}
}

// labs starts nothing here.
func labs(t *testing.T) academy.Labs {
	t.Helper()
	m, err := lab.NewManager(lab.ManagerOptions{
		Command: []string{"gatehouse", "laboratory"}, Find: experiments.Find, Key: "key", Memory: 1 << 30, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tables are the routes of each service: what is tried must be what is there.
func tables(t *testing.T) map[string][]string {
	all := map[string][]string{}
	for service, e := range handlers(t) {
		for _, r := range e.Routes() {
			if r.Method == http.MethodGet || r.Method == http.MethodPost || r.Method == http.MethodPut ||
				r.Method == http.MethodPatch || r.Method == http.MethodDelete {
				all[service] = append(all[service], r.Method+" "+r.Path)
			}
		}
	}
	return all
}

func TestEndpoints_AreTheRoutes(t *testing.T) {
	for service, routes := range tables(t) {
		var listed []string
		for _, d := range endpoints[service] {
			listed = append(listed, d.route)
			if !slices.Contains(routes, d.route) {
				t.Errorf("%s: endpoints_test.go lists %s, which is no route", service, d.route)
			}
		}
		for _, r := range routes {
			if !slices.Contains(listed, r) {
				t.Errorf("%s: add %s to endpoints_test.go, with a good value for each of its parameters", service, r)
			}
		}
	}
}

//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps"
	"gatehouse.example/apps/analytics"
	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

func init() { suites = append(suites, analyticsSuite) }

var analyticsPages = visitor{service: "analytics", record: session.Record{
	Subject: "ada", SID: "sid", Name: "Ada", Email: "ada@example.com", Roles: []string{"analyst"},
}}

// year is the path of a year's statistics until now, which is neither midnight nor Monday, as in real requests.
var year = "/?from=" + time.Now().AddDate(-1, 0, 0).UTC().Format("2006-01-02T15:04")

var analyticsSuite = suite{
	service: "analytics", rows: "events of two years", small: 200, large: 400_000, seed: seedEvents, start: startAnalytics,
	requests: []request{
		analyticsPages.gets("24 hours", "/"),
		analyticsPages.gets("30 days", "/?range=30d"),
		analyticsPages.gets("a year", year),
		analyticsPages.gets("a year of one app", year+"&app=shop"),
		analyticsPages.eight("a year, eight at once", year),
	},
}

func (v *visitor) eight(name, path string) request {
	r := v.gets(name, path)
	r.atOnce = true
	return r
}

func startAnalytics(ctx context.Context, d *db.DB, rdb redis.UniversalClient) (http.Handler, error) {
	estate, err := web.ParseEstate("http://localhost:8080")
	if err != nil {
		return nil, err
	}
	app, err := analytics.New(ctx, analytics.Deps{Deps: apps.Deps{
		DB: d, Redis: rdb, Estate: estate, Replica: "analytics-1", Logger: slog.New(slog.DiscardHandler), ClientSecret: "secret", Keys: sessionKeys,
	}})
	if err != nil {
		return nil, err
	}
	return app.Handler(), analyticsPages.signIn(ctx, rdb)
}

// seedEvents adds n events evenly over two years: sign-ins of three apps and orders of 300 products, by n/10 users.
func seedEvents(ctx context.Context, d *db.DB, n int) error {
	s, err := store.New(d, analytics.DefaultRetention)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	for begun := 0; begun < n; {
		var batch []fact.Fact
		for ; len(batch) < 5000 && begun < n; begun++ {
			at := now.Add(-2 * 365 * period.Day).Add(time.Duration(begun) * (2 * 365 * period.Day / time.Duration(n)))
			f := fact.Fact{
				ID: fmt.Sprint("e", begun), Type: events.SignIn, Variant: fact.SSO, App: []string{"portal", "shop", "forum"}[begun%3], Service: "portal",
				Subject: fmt.Sprint("person-", begun*7919%(n/10)), Data: "{}", At: at,
			}
			if begun%3 == 1 {
				product := fmt.Sprint("product-", begun%300)
				f.Type, f.Variant, f.Service, f.Cents = events.OrderPlaced, "", "shop", 500
				f.Sales = []fact.Sale{{Product: product, Name: product, Quantity: 1, Cents: 500}}
			}
			batch = append(batch, f)
		}
		if _, err := s.Add(ctx, batch, nil, now); err != nil {
			return err
		}
	}
	return fill(ctx, d, n)
}

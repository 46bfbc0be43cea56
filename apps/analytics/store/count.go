package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/apps/analytics/fact"
	"gatehouse/apps/analytics/period"
	"gatehouse/db"
)

type hourlyKey struct {
	hour               int64
	app, kind, variant string
}

type personKey struct {
	at           int64
	app, subject string
}

type saleKey struct {
	hour         int64
	app, product string
}

type sum struct {
	total, cents int64
	name         string
	named        time.Time
}

// count adds facts, each of them new, to the rollups.
func count(ctx context.Context, tx *sqlx.Tx, facts []fact.Fact) error {
	hourly, sold := map[hourlyKey]sum{}, map[saleKey]sum{}
	people, daily := map[personKey]bool{}, map[personKey]bool{}
	lines := insert{table: "sales", columns: []string{"event_id", "line", "app", "product", "name", "quantity", "cents", "happened_at"}}
	for _, f := range facts {
		hour := db.Millis(period.Floor(f.At, time.Hour))
		h := hourlyKey{hour, f.App, f.Type, f.Variant}
		hourly[h] = sum{total: hourly[h].total + 1, cents: hourly[h].cents + f.Cents}
		if f.Subject != "" {
			people[personKey{hour, f.App, f.Subject}] = true
			daily[personKey{db.Millis(period.Floor(f.At, period.Day)), f.App, f.Subject}] = true
		}
		for i, s := range f.Sales {
			lines.add(f.ID, i, f.App, s.Product, s.Name, s.Quantity, s.Cents, db.Millis(f.At))
			k := saleKey{hour, f.App, s.Product}
			was := sold[k]
			now := sum{total: was.total + s.Quantity, cents: was.cents + s.Cents, name: s.Name, named: f.At}
			if was.named.After(f.At) {
				now.name, now.named = was.name, was.named
			}
			sold[k] = now
		}
	}
	if err := lines.exec(ctx, tx); err != nil {
		return err
	}
	if err := addHourly(ctx, tx, hourly); err != nil {
		return err
	}
	if err := addPeople(ctx, tx, "people_hourly", "hour_at", people); err != nil {
		return err
	}
	if err := addPeople(ctx, tx, "people_daily", "day_at", daily); err != nil {
		return err
	}
	return addSales(ctx, tx, sold)
}

func addHourly(ctx context.Context, tx *sqlx.Tx, sums map[hourlyKey]sum) error {
	in := insert{
		table: "hourly", columns: []string{"hour_at", "app", "type", "variant", "total", "cents"},
		tail: "ON CONFLICT (hour_at, app, type, variant) DO UPDATE SET total = hourly.total + excluded.total, cents = hourly.cents + excluded.cents",
	}
	for _, k := range sortedKeys(sums, func(a, b hourlyKey) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.app, b.app), cmp.Compare(a.kind, b.kind), cmp.Compare(a.variant, b.variant))
	}) {
		in.add(k.hour, k.app, k.kind, k.variant, sums[k].total, sums[k].cents)
	}
	return in.exec(ctx, tx)
}

func addPeople(ctx context.Context, tx *sqlx.Tx, table, column string, people map[personKey]bool) error {
	in := insert{table: table, columns: []string{column, "app", "subject"}, tail: "ON CONFLICT DO NOTHING"}
	for _, k := range sortedKeys(people, func(a, b personKey) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.app, b.app), cmp.Compare(a.subject, b.subject))
	}) {
		in.add(k.at, k.app, k.subject)
	}
	return in.exec(ctx, tx)
}

func addSales(ctx context.Context, tx *sqlx.Tx, sold map[saleKey]sum) error {
	in := insert{
		table: "sales_hourly", columns: []string{"hour_at", "app", "product", "name", "quantity", "cents"},
		tail: "ON CONFLICT (hour_at, app, product) DO UPDATE SET name = excluded.name, quantity = sales_hourly.quantity + excluded.quantity, cents = sales_hourly.cents + excluded.cents",
	}
	for _, k := range sortedKeys(sold, func(a, b saleKey) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.app, b.app), cmp.Compare(a.product, b.product))
	}) {
		in.add(k.hour, k.app, k.product, sold[k].name, sold[k].total, sold[k].cents)
	}
	return in.exec(ctx, tx)
}

func sortedKeys[K comparable, V any](m map[K]V, order func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), order)
}

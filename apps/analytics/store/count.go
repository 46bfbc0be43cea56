package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/db"
)

type countKey struct {
	width, at          int64
	app, kind, variant string
}

type saleKey struct {
	width, at    int64
	app, product string
}

type sum struct {
	total, cents int64
	name         string
	named        time.Time
}

// addToRollups adds facts, all of which must be new, to the sales and the rollups.
func addToRollups(ctx context.Context, tx *sqlx.Tx, facts []fact.Fact) error {
	counted, sold, people := map[countKey]sum{}, map[saleKey]sum{}, active{}
	lines := insert{table: "sales", columns: []string{"event_id", "line", "app", "product", "name", "quantity", "cents", "happened_at"}}
	for _, f := range facts {
		people.add(f.At, f.App, f.Subject)
		for i, s := range f.Sales {
			lines.add(f.ID, i, f.App, s.Product, s.Name, s.Quantity, s.Cents, db.Millis(f.At))
		}
		for _, width := range widths {
			ms, at := width.Milliseconds(), db.Millis(period.Floor(f.At, width))
			h := countKey{ms, at, f.App, f.Type, f.Variant}
			counted[h] = sum{total: counted[h].total + 1, cents: counted[h].cents + f.Cents}
			for _, s := range f.Sales {
				k := saleKey{ms, at, f.App, s.Product}
				was := sold[k]
				now := sum{total: was.total + s.Quantity, cents: was.cents + s.Cents, name: s.Name, named: f.At}
				if was.named.After(f.At) {
					now.name, now.named = was.name, was.named
				}
				sold[k] = now
			}
		}
	}
	if err := lines.exec(ctx, tx); err != nil {
		return err
	}
	if err := addCounts(ctx, tx, counted); err != nil {
		return err
	}
	if err := addSales(ctx, tx, sold); err != nil {
		return err
	}
	if err := addPeople(ctx, tx, people); err != nil {
		return err
	}
	return addCohorts(ctx, tx, facts)
}

// rolled is a set of rows for a table of hourly rollups, or for a table of daily and weekly ones.
type rolled struct {
	insert
	width bool // the table has a width column
}

func (r *rolled) addRow(width int64, row ...any) {
	if r.width {
		r.add(width)
	}
	r.add(row...)
}

func addCounts(ctx context.Context, tx *sqlx.Tx, sums map[countKey]sum) error {
	tail := func(table, at string) string {
		return "ON CONFLICT (" + at + ", app, type, variant) DO UPDATE SET total = " + table + ".total + excluded.total, cents = " + table + ".cents + excluded.cents"
	}
	hours := rolled{insert: insert{table: "hourly", columns: []string{"hour_at", "app", "type", "variant", "total", "cents"}, tail: tail("hourly", "hour_at")}}
	longer := rolled{insert{table: "rollups", columns: []string{"width", "at", "app", "type", "variant", "total", "cents"}, tail: tail("rollups", "width, at")}, true}
	for _, k := range sortedKeys(sums, func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.width, b.width), cmp.Compare(a.at, b.at), cmp.Compare(a.app, b.app), cmp.Compare(a.kind, b.kind), cmp.Compare(a.variant, b.variant))
	}) {
		tableFor(&hours, &longer, k.width).addRow(k.width, k.at, k.app, k.kind, k.variant, sums[k].total, sums[k].cents)
	}
	return execBoth(ctx, tx, &hours, &longer)
}

func addSales(ctx context.Context, tx *sqlx.Tx, sold map[saleKey]sum) error {
	// The name is that of the bucket's newest sale, which these facts need not contain; sales contains theirs already.
	tail := func(table, at, from, width string) string {
		newest := "(SELECT s.name FROM sales s WHERE s.app = excluded.app AND s.product = excluded.product AND s.happened_at >= " + from +
			" AND s.happened_at < " + from + " + " + width + " ORDER BY s.happened_at DESC LIMIT 1)"
		return "ON CONFLICT (" + at + ", app, product) DO UPDATE SET name = COALESCE(" + newest + ", excluded.name), quantity = " + table + ".quantity + excluded.quantity, cents = " + table + ".cents + excluded.cents"
	}
	hours := rolled{insert: insert{table: "sales_hourly", columns: []string{"hour_at", "app", "product", "name", "quantity", "cents"}, tail: tail("sales_hourly", "hour_at", "excluded.hour_at", "3600000")}}
	longer := rolled{insert{table: "sales_rollups", columns: []string{"width", "at", "app", "product", "name", "quantity", "cents"}, tail: tail("sales_rollups", "width, at", "excluded.at", "excluded.width")}, true}
	for _, k := range sortedKeys(sold, func(a, b saleKey) int {
		return cmp.Or(cmp.Compare(a.width, b.width), cmp.Compare(a.at, b.at), cmp.Compare(a.app, b.app), cmp.Compare(a.product, b.product))
	}) {
		tableFor(&hours, &longer, k.width).addRow(k.width, k.at, k.app, k.product, sold[k].name, sold[k].total, sold[k].cents)
	}
	return execBoth(ctx, tx, &hours, &longer)
}

func tableFor(hours, longer *rolled, width int64) *rolled {
	if width == time.Hour.Milliseconds() {
		return hours
	}
	return longer
}

func execBoth(ctx context.Context, tx *sqlx.Tx, hours, longer *rolled) error {
	if err := hours.exec(ctx, tx); err != nil {
		return err
	}
	return longer.exec(ctx, tx)
}

func sortedKeys[K comparable, V any](m map[K]V, order func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), order)
}

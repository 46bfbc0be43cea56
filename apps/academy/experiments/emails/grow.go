package emails

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gatehouse.example/apps/academy/experiments/emails/store"
	"gatehouse.example/apps/academy/lab"
)

// point is a point of the curve: the time of a look-up in a table of this size.
type point struct {
	rows          int
	without, with time.Duration
}

// stops returns the sizes at which the growing table is measured.
func stops(rows int) (all []int) {
	for _, n := range []int{1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 5_000_000} {
		if n < rows {
			all = append(all, n)
		}
	}
	return append(all, rows)
}

// The cost of the look-ups and of making the index, as a share of the cost of filling the table.
const (
	looking  = 0.4
	indexing = 0.4
)

// make starts making a new table. It returns a Refusal if there is no room for it.
func (a *apparatus) make(ctx context.Context, args lab.Args) error {
	size, kind := args[sizes.Name], args[databases.Name]
	rows, err := strconv.Atoi(size)
	if err != nil {
		return lab.Refusal("Choose how many users the table is to have.")
	}
	if err := a.open(ctx, kind); err != nil {
		return err
	}
	if fits, err := a.store.Fits(ctx, rows); err != nil {
		return err
	} else if !fits {
		return lab.Refusal("There isn't enough space for a table of that size right now, because others use it, too. Choose fewer users, or try again later.")
	}
	a.bench.Set(sizes.Name, size)
	a.bench.Set(databases.Name, kind)
	a.mu.Lock()
	a.rows, a.bytes, a.points, a.looks = rows, 0, nil, nil
	clear(a.indexes)
	a.mu.Unlock()
	return a.begin(ctx, "Making the table", func(ctx context.Context) error {
		err := a.grow(ctx, rows)
		if err != nil {
			a.mu.Lock()
			a.rows, a.points = 0, nil
			a.mu.Unlock()
			a.bench.Find("rows", lab.Finding{Label: "Users in the table", Text: "none"})
			// Remove the partial table, even if the run is ending.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), opening)
			defer cancel()
			err = errors.Join(err, a.store.Empty(ctx))
		}
		return err
	})
}

// grow fills the table and measures at each stop.
func (a *apparatus) grow(ctx context.Context, rows int) error {
	if err := a.store.Empty(ctx); err != nil {
		return err
	}
	all := float64(rows)
	for _, stop := range stops(rows) {
		all += (looking + indexing) * float64(stop)
	}
	began, made, done, measured := time.Now(), time.Duration(0), 0, 0.0
	for _, stop := range stops(rows) {
		filling := time.Now()
		for done < stop {
			next := min(done+store.Batch, stop)
			if err := a.store.Grow(ctx, done+1, next); err != nil {
				return err
			}
			done = next
			a.advance((float64(done)+measured)/all, fmt.Sprintf("Making the table: %s of %s users", number(done), number(rows)))
		}
		made += time.Since(filling)
		err := a.measure(ctx, stop, func(cost float64) {
			measured += cost * float64(stop)
			a.advance((float64(done)+measured)/all, fmt.Sprintf("Measuring at %s users", number(stop)))
		})
		if err != nil {
			return err
		}
	}
	bytes, err := a.store.Bytes(ctx)
	if err != nil {
		return err
	}
	count, err := a.store.Count(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.bytes = bytes
	a.mu.Unlock()
	a.bench.Find("rows", lab.Finding{Label: "Users in the table", Text: number(count), Value: float64(count)})
	a.bench.Find("table-size", lab.Finding{Label: "The table on the disk", Text: size(bytes), Value: float64(bytes), Unit: "bytes"})
	a.bench.Log(lab.Good, "The table has %s users in %s. Filling it took %s, with the measuring in between %s.", number(count), size(bytes), seconds(made), seconds(time.Since(began)))
	return nil
}

// measure adds a point to the curve: look-ups without the index, then with an index that is made and dropped again.
// It calls paid with the cost of each finished part.
func (a *apparatus) measure(ctx context.Context, rows int, paid func(cost float64)) error {
	paid(0)
	if err := a.store.Settle(ctx); err != nil {
		return err
	}
	p := point{rows: rows}
	var err error
	if p.without, _, err = a.median(ctx, store.Exact, rows, 15, 300*time.Millisecond); err != nil {
		return err
	}
	paid(looking)
	if _, _, err := a.store.MakeIndex(ctx, store.Plain); err != nil {
		return err
	}
	paid(indexing)
	if p.with, _, err = a.median(ctx, store.Exact, rows, 51, 300*time.Millisecond); err != nil {
		return err
	}
	if err := a.store.DropIndex(ctx, store.Plain); err != nil {
		return err
	}
	a.mu.Lock()
	a.points = append(a.points, p)
	a.mu.Unlock()
	return nil
}

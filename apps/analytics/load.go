package analytics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/events"
)

// maxSellers is the number of products in the dashboard's ranking.
const maxSellers = 12

// figures are all numbers of one period. Panels and tiles are drawn from them.
type figures struct {
	period   period.Period
	app      string // "" for all
	now      time.Time
	starts   []time.Time
	cells    []store.Cell
	before   []store.Cell // totals of the previous period
	people   map[int64]int64
	everyone [2]int64 // distinct users in this period and in the previous one
	compared bool     // the stored data covers the whole previous period
	sellers  []store.Seller
	bans     []int64 // in each bucket, of the whole house also if app is set

	deployments []store.Deployment // newest first, of the whole house also if app is set
	hidden      map[string]bool    // kinds of marks that are not shown
	names       func(service string) string
}

// loadTimeout limits how long loading figures may take.
const loadTimeout = 20 * time.Second

// load returns the figures that q asks for. Concurrent calls with the same period and app share one query, and must not
// change the result. A shared query continues when one caller's ctx ends.
func (a *App) load(ctx context.Context, q query) (*figures, error) {
	q.period.Zone = nil // callers in all zones share the figures
	p := q.period
	key := fmt.Sprint(p.Name, p.From.UnixMilli(), p.To.UnixMilli(), p.Step, q.app)
	loaded := a.loads.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return a.loadFigures(ctx, q)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-loaded:
		f, _ := r.Val.(*figures)
		return f, r.Err
	}
}

// loadFigures queries all figures of q, up to three queries at a time.
func (a *App) loadFigures(ctx context.Context, q query) (*figures, error) {
	p, now := q.period, a.Now().UTC()
	f := &figures{period: p, app: q.app, now: now, starts: p.Buckets(), names: a.serviceName}
	span := store.Span{From: p.From, To: p.To, App: q.app, Raw: p.Raw()}
	previous := span
	previous.From, previous.To = p.Previous(now)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(3) // leave database connections for other requests
	group.Go(func() (err error) { f.cells, err = a.store.Series(ctx, span, p.Step, p.Offset()); return })
	group.Go(func() (err error) { f.before, err = a.store.Totals(ctx, previous); return })
	group.Go(func() (err error) { f.people, err = a.store.People(ctx, span, p.Step, p.Offset()); return })
	group.Go(func() (err error) { f.everyone[0], err = a.store.CountPeople(ctx, span); return })
	group.Go(func() (err error) { f.everyone[1], err = a.store.CountPeople(ctx, previous); return })
	group.Go(func() error {
		since, err := a.store.Since(ctx)
		f.compared = !since.IsZero() && !previous.From.Before(since)
		return err
	})
	group.Go(func() (err error) { f.deployments, err = a.store.Deployments(ctx, p.From, p.To); return })
	group.Go(func() (err error) { f.sellers, err = a.store.Sellers(ctx, span, maxSellers); return })
	inPortal := span
	inPortal.App = banApp
	var portal []store.Cell
	if q.app != "" && q.app != banApp {
		group.Go(func() (err error) { portal, err = a.store.Series(ctx, inPortal, p.Step, p.Offset()); return })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	f.bans = f.seriesOf(append(portal, f.cells...), kind{typ: events.UserBanned}, cellTotal)
	return f, nil
}

// kind selects events of one type: of the given variants, or of all if there are none.
type kind struct {
	typ      string
	variants []string
}

func (k kind) matches(c store.Cell) bool {
	return c.Type == k.typ && (len(k.variants) == 0 || slices.Contains(k.variants, c.Variant))
}

// counts returns a function that gives the number of events in each bucket.
func counts(typ string, variants ...string) func(f *figures) []int64 {
	return func(f *figures) []int64 { return f.series(kind{typ, variants}, cellTotal) }
}

// cents returns a function that gives the sum of money in each bucket, in cents.
func cents(typ string) func(f *figures) []int64 {
	return func(f *figures) []int64 { return f.series(kind{typ: typ}, cellCents) }
}

func (f *figures) series(k kind, value func(store.Cell) int64) []int64 {
	return f.seriesOf(f.cells, k, value)
}

func (f *figures) seriesOf(cells []store.Cell, k kind, value func(store.Cell) int64) []int64 {
	values := make([]int64, len(f.starts))
	for _, c := range cells {
		if i := f.period.Index(time.UnixMilli(c.Bucket)); i >= 0 && k.matches(c) {
			values[i] += value(c)
		}
	}
	return values
}

// active returns the number of distinct users in each bucket.
func (f *figures) active() []int64 {
	values := make([]int64, len(f.starts))
	for i, t := range f.starts {
		values[i] = f.people[t.UnixMilli()]
	}
	return values
}

// totals returns a total of this period and of the previous one.
func (f *figures) totals(value func(store.Cell) int64, typ string, variants ...string) (now, before int64) {
	k := kind{typ, variants}
	for _, c := range f.cells {
		if k.matches(c) {
			now += value(c)
		}
	}
	for _, c := range f.before {
		if k.matches(c) {
			before += value(c)
		}
	}
	return now, before
}

package cost

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse.example/apps/academy/experiments/lookup"
	"gatehouse.example/sso/denylist"
)

// newMirrored returns a branch that checks the denylist in its own memory, a mirror that follows Redis in the
// background.
func newMirrored(ctx context.Context, o *office, rdb *lookup.Client, logger *slog.Logger) (*branch, error) {
	b, err := newRemembered(o)
	if err != nil {
		return nil, err
	}
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	log, err := denylist.NewLog(rdb)
	if err != nil {
		return nil, err
	}
	if err := log.Rebuild(ctx, 0, signedOut()); err != nil {
		return nil, err
	}
	m, err := denylist.NewMirror(denylist.Options{Redis: rdb, Service: "bank", Replica: withMirror, Logger: logger})
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until stop
	var runs sync.WaitGroup
	runs.Go(func() { _ = m.Run(life) })
	b.stop = func() { cancel(); runs.Wait() }
	b.commands = rdb.Commands
	b.check = func(r *http.Request) (string, error) {
		c, err := v.Access(r.Context(), bearer(r))
		if err != nil {
			return "", err
		}
		if err := m.Check(c.Subject, c.SID, c.ID, c.Authenticated()); err != nil {
			return "", err
		}
		return c.Subject, nil
	}
	if err := ready(ctx, m); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// deniedPeople is the number of entries on the denylist, so that it is not empty while it is checked.
const deniedPeople = 1000

func signedOut() func(yield func(denylist.Entry, error) bool) {
	return func(yield func(denylist.Entry, error) bool) {
		now := time.Now()
		for i := range deniedPeople {
			e := denylist.Entry{
				Kind: denylist.SignIn, Value: fmt.Sprintf("signed-out-%d", i), Reason: denylist.SignedOut,
				At: now, Until: now.Add(cardLife), Seq: int64(i + 1),
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// ready waits until the mirror has its first copy.
func ready(ctx context.Context, m *denylist.Mirror) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for m.Ready(ctx) != nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("cost: the mirror is not ready: %w", context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

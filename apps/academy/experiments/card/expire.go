package card

import (
	"context"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// expire shows a card with a short lifetime, waits in the background until it has expired, and shows it again.
func (a *apparatus) expire(ctx context.Context) error {
	began := time.Now()
	raw, err := a.office.sign(a.name(), audience, shortLife)
	if err != nil {
		return err
	}
	s := shown{what: "Good for a moment", raw: raw}
	t, err := a.send(ctx, s)
	if err != nil {
		return err
	}
	a.found("accepted-before-expiry", "Short card, before: accepted", t.accepted, t.asked)
	end := expiry(raw)
	a.bench.Log(lab.Note, "This card is good until %s UTC. Waiting for that.", end.UTC().Format("15:04:05"))
	a.mu.Lock()
	a.waiting = true
	a.mu.Unlock()
	a.work.Add(1)
	a.bench.Go(func(ctx context.Context) {
		defer a.work.Done()
		defer a.stopWaiting()
		if !a.wait(ctx, began, end) {
			return
		}
		s.what = "The same card, expired"
		t, err := a.send(ctx, s)
		if err != nil {
			a.bench.Logger.Error("showing an expired card", "error", err)
			return
		}
		a.found("refused-expired", "Expired card: refused", t.refused, t.asked)
		a.because("refused-expired", "Expired card", t)
	})
	return nil
}

// wait shows the remaining time until end. It returns false if ctx ends first.
func (a *apparatus) wait(ctx context.Context, began, end time.Time) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for left := time.Until(end); left > 0; left = time.Until(end) {
		a.mu.Lock()
		a.progress = &lab.Progress{Label: "Waiting until the card expires", Share: 1 - float64(left)/float64(end.Sub(began)), Left: left}
		a.mu.Unlock()
		a.bench.Changed()
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func (a *apparatus) stopWaiting() {
	a.mu.Lock()
	a.progress, a.waiting = nil, false
	a.mu.Unlock()
	a.bench.Changed()
}

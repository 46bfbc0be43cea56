package bank

import (
	"context"
	"errors"
	"io"
	"log"
	"sync/atomic"
	"time"
)

// gate limits the number of requests that are processed at once.
type gate struct {
	slots   chan struct{} // nil for no limit
	service time.Duration
	queue   int64
	waiting atomic.Int64
}

var errFull = errors.New("bank: the queue is full")

func newGate(capacity int, service time.Duration, queue int) *gate {
	g := &gate{service: service, queue: int64(queue)}
	if capacity > 0 {
		g.slots = make(chan struct{}, capacity)
	}
	return g
}

// enter waits for a slot and then for the service time. The slot is held until leave is called. It returns errFull if
// the queue is full, or ctx's error.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if g.slots == nil {
		return func() {}, nil
	}
	select {
	case g.slots <- struct{}{}:
	default:
		defer g.waiting.Add(-1)
		if g.waiting.Add(1) > g.queue {
			return nil, errFull
		}
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	work := time.NewTimer(g.service)
	defer work.Stop()
	select {
	case <-work.C:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		<-g.slots
		return nil, ctx.Err()
	}
}

// busy returns the number of requests in progress and the number waiting.
func (g *gate) busy() (working, waiting int) { return len(g.slots), int(g.waiting.Load()) }

// silent discards what http.Server logs about connections that are cut on purpose.
var silent = log.New(io.Discard, "", 0)

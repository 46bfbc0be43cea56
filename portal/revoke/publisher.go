package revoke

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

const (
	// maxBatch is the maximum number of revocations in one write to Redis.
	maxBatch = 500
	// pageSize is the number of revocations read from the database at a time.
	pageSize = 2000
	// redisTimeout is the timeout of one exchange with Redis.
	redisTimeout = 2 * time.Second
	// rebuildRetryInterval is the interval at which a write is retried while another replica rebuilds the set.
	rebuildRetryInterval = 20 * time.Millisecond
)

// Log is the denylist in Redis (denylist.Log).
type Log interface {
	Write(ctx context.Context, entries ...denylist.Entry) (denylist.Written, error)
	Await(ctx context.Context, w denylist.Written, bound time.Duration, each func(denylist.Confirmation)) denylist.Confirmations
	State(ctx context.Context) (denylist.State, error)
	Rebuild(ctx context.Context, high int64, all iter.Seq2[denylist.Entry, error]) error
	Find(ctx context.Context, k denylist.Kind, value string) (denylist.Entry, bool, error)
}

// publisher writes committed revocations to Redis, one batch at a time: those that arrive during a write form the
// next batch.
type publisher struct {
	records Records
	log     Log
	now     func() time.Time
	logger  *slog.Logger
	epochs  epochTracker

	writing chan struct{} // a lock with one place, held while a batch is written
	mu      sync.Mutex    // guards queue
	queue   []*publication
}

// publication is the result that one caller of publish waits for.
type publication struct {
	rows    []store.Revocation
	done    chan struct{} // closed when written and err are set
	written denylist.Written
	err     error
}

// publish writes revocations to Redis for every replica, and first rebuilds the set if it is not complete. It returns
// at the latest when ctx ends. After an error it is unknown whether they were written: Sync retries until they are
// marked as published.
func (p *publisher) publish(ctx context.Context, rows []store.Revocation) (denylist.Written, error) {
	if len(rows) == 0 {
		return denylist.Written{}, nil
	}
	own := &publication{rows: rows, done: make(chan struct{})}
	p.mu.Lock()
	p.queue = append(p.queue, own)
	p.mu.Unlock()
	for {
		select {
		case <-own.done:
			return own.written, own.err
		case <-ctx.Done():
			return denylist.Written{}, fmt.Errorf("revoke: publish: %w", ctx.Err())
		case p.writing <- struct{}{}:
			go p.writeQueue(ctx)
		}
	}
}

// writeQueue writes the queued revocations, and releases p.writing, which must be held.
func (p *publisher) writeQueue(ctx context.Context) {
	defer func() { <-p.writing }()
	p.mu.Lock()
	queue := p.queue
	p.queue = nil
	p.mu.Unlock()
	var rows []store.Revocation
	for _, one := range queue {
		rows = append(rows, one.rows...)
	}
	// The batch contains other callers' revocations, so it must not end with this request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	var written denylist.Written
	var err error
	for some := range slices.Chunk(rows, maxBatch) { // a replica that confirms the last chunk has the ones before it
		if written, err = p.write(ctx, entriesOf(some)); err != nil {
			err = fmt.Errorf("revoke: publish: %w", err)
			break
		}
	}
	for _, one := range queue {
		one.written, one.err = written, err
		close(one.done)
	}
}

// write writes at most maxBatch entries to Redis, after a rebuild if the set is not complete.
func (p *publisher) write(ctx context.Context, entries []denylist.Entry) (denylist.Written, error) {
	building, cancel := context.WithTimeout(ctx, redisTimeout) // limits the wait for another replica
	defer cancel()
	for {
		w, err := p.writeOnce(ctx, entries)
		if !errors.Is(err, denylist.ErrEmpty) {
			return w, err
		}
		p.epochs.observe("")
		if err := p.rebuild(ctx); errors.Is(err, denylist.ErrBuilding) {
			select { // another replica is rebuilding
			case <-building.Done():
				return w, err
			case <-time.After(rebuildRetryInterval):
			}
		} else if err != nil {
			return w, err
		}
	}
}

// writeOnce writes entries to Redis if the set is complete; otherwise it returns denylist.ErrEmpty.
func (p *publisher) writeOnce(ctx context.Context, entries []denylist.Entry) (denylist.Written, error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	w, err := p.log.Write(ctx, entries...)
	if err != nil {
		return w, err
	}
	state, err := p.log.State(ctx)
	if err == nil {
		p.epochs.observe(state.Epoch)
	}
	return w, err
}

// markPublished records that Redis has rows.
func (p *publisher) markPublished(ctx context.Context, rows []store.Revocation) {
	if err := p.records.MarkRevocationsPublished(ctx, seqsOf(rows), p.now()); err != nil {
		p.logger.Warn("cannot mark revocations as published; they will be published again", "error", err)
	}
}

// await waits for the confirmations of a publication and, if Redis has just lost its data, until every replica that
// it does not know refuses all sessions.
func (p *publisher) await(ctx context.Context, w denylist.Written, bound time.Duration) denylist.Confirmations {
	r := p.log.Await(ctx, w, bound, nil)
	if rest := p.epochs.remainingWait(bound); rest > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
	return r
}

// rebuild writes all active revocations from the database to Redis.
func (p *publisher) rebuild(ctx context.Context) error {
	high, err := p.records.HighestRevocation(ctx, p.now())
	if err != nil {
		return err
	}
	n := 0
	all := func(yield func(denylist.Entry, error) bool) {
		for r, err := range p.active(ctx, 0, false) {
			n++
			if !yield(entryOf(r), err) {
				return
			}
		}
	}
	if err := p.log.Rebuild(ctx, high, all); err != nil {
		return err
	}
	if n > 0 {
		p.logger.Info("denylist rebuilt from the database", "entries", n)
	}
	return nil
}

// active yields all active revocations with a Seq above after, in order.
func (p *publisher) active(ctx context.Context, after int64, published bool) iter.Seq2[store.Revocation, error] {
	return func(yield func(store.Revocation, error) bool) {
		for {
			rows, err := p.records.ActiveRevocations(ctx, after, p.now(), published, pageSize)
			if err != nil {
				yield(store.Revocation{}, err)
				return
			}
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
				after = r.Seq
			}
			if len(rows) < pageSize {
				return
			}
		}
	}
}

func seqsOf(rows []store.Revocation) []int64 {
	seqs := make([]int64, len(rows))
	for i, r := range rows {
		seqs[i] = r.Seq
	}
	return seqs
}

func entriesOf(rows []store.Revocation) []denylist.Entry {
	entries := make([]denylist.Entry, len(rows))
	for i, r := range rows {
		entries[i] = entryOf(r)
	}
	return entries
}

func entryOf(r store.Revocation) denylist.Entry {
	return denylist.Entry{
		Kind: denylist.Kind(r.Kind), Value: r.Value, Before: r.Before, Except: r.Except, Until: r.Until,
		Reason: r.Reason, Note: r.Note, By: r.By, Client: r.Client, At: r.At, Seq: r.Seq,
	}
}

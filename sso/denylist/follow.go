package denylist

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// batch is the maximum number of log entries in one read.
	batch = 1000
	// sweepInterval is the interval between removals of expired entries.
	sweepInterval = 30 * time.Second
	// minBlock is the minimum time that a read blocks: zero would block without a limit.
	minBlock = time.Millisecond
	// retryDelay is the delay after an error of Redis.
	retryDelay = 50 * time.Millisecond
)

// errBehind is returned when the log does not continue at the mirror's position: entries were trimmed, or the log is
// another one.
var errBehind = errors.New("denylist: the log has a gap after the last position read")

// Run keeps the mirror up to date until ctx ends, unregisters the replica, and returns nil.
func (m *Mirror) Run(ctx context.Context) error {
	defer m.leave(ctx)
	// While go-redis waits for a reply it honours a deadline, but not a cancellation: Run does not wait for a read that
	// is still blocked when ctx ends.
	ended := make(chan struct{})
	go func() { defer close(ended); m.run(ctx) }()
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}

// run follows the log until ctx ends.
func (m *Mirror) run(ctx context.Context) {
	swept := m.now()
	for ctx.Err() == nil {
		err := m.step(ctx)
		if ctx.Err() != nil {
			return
		}
		m.logError(err)
		if err != nil {
			sleep(ctx, retryDelay)
		}
		if now := m.now(); now.Sub(swept) >= sweepInterval {
			swept = now
			m.table.sweep(now)
		}
	}
}

// step loads the set if the mirror does not follow the log, and otherwise reads the log.
func (m *Mirror) step(ctx context.Context) error {
	if !m.synced.Load() {
		return m.load(ctx)
	}
	err := m.follow(ctx)
	if errors.Is(err, errBehind) {
		m.synced.Store(false)
	}
	return err
}

// logError logs that following the log fails, with another kind of error than before, or works again: at most one
// message a second, because if another program writes to the log, it fails again and again. A change within that second
// is logged after it, if it lasts.
func (m *Mirror) logError(err error) {
	now := m.now()
	if sameKind(m.loggedError, err) || now.Sub(m.errorLoggedAt) < time.Second {
		return
	}
	m.loggedError, m.errorLoggedAt = err, now
	switch {
	case errors.Is(err, ErrEmpty) && m.asOf.Load() == nil:
		m.o.Logger.Info("waiting for the portal to create the denylist")
	case err != nil:
		m.o.Logger.Warn("cannot follow the denylist", "error", err, "position", m.position.Load(), "refuses_after", m.o.Bound.String())
	default:
		m.o.Logger.Info("following the denylist again", "position", m.position.Load())
	}
}

// sameKind reports whether a and b are both nil, or errors of one kind.
func sameKind(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	for _, kind := range []error{ErrEmpty, ErrForeign, errBehind} {
		if errors.Is(a, kind) != errors.Is(b, kind) {
			return false
		}
	}
	return true
}

// deadline returns a context that ends after the bound and more. The mirror refuses by then, so a later reply is
// useless.
func (m *Mirror) deadline(ctx context.Context, more time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, m.o.Bound+more)
}

// follow reads the log from the mirror's position, applies the entries, and confirms them at once. Registration and the
// check of the log's state wait until the next heartbeat is due: when something is revoked, all replicas do this at the
// same moment.
func (m *Mirror) follow(ctx context.Context) error {
	sent := m.now()
	wait := max(m.block-sent.Sub(m.lastBeatAt), minBlock).Truncate(time.Millisecond) // Redis takes whole milliseconds
	if m.confirmed != m.position.Load() {
		wait = minBlock // a confirmation is still due
	}
	streams, err := m.read(ctx, wait)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, redis.Nil):
		if m.redisPosition > m.position.Load() {
			return errBehind // the entries that existed at the last heartbeat are gone
		}
		// Redis blocked for the whole time and found nothing: the data is as of now.
		if m.now().Sub(sent) >= wait {
			sent = sent.Add(wait)
		}
	case err != nil:
		return translateError(err)
	}
	applied, err := m.applyAll(streams)
	// Entries that were applied now continue the log from the mirror's position. A confirmation that failed before is
	// sent below, after the log's state is checked: Redis may have lost its last entries since.
	late := len(applied) == 0 && m.confirmed != m.position.Load()
	if err == nil && !late {
		err = m.confirm(ctx)
	}
	for _, one := range applied {
		m.notifyWatchers(one)
	}
	if err != nil || !late && m.now().Sub(m.lastBeatAt) < m.block {
		return err
	}
	at, err := m.heartbeat(ctx)
	switch {
	case err != nil:
		return err
	case at.epoch == "":
		m.synced.Store(false)
		return ErrEmpty
	case at.divergedFrom(logState{epoch: m.epoch, position: m.position.Load(), last: m.position.Load(), writeID: m.writeID}):
		return errBehind
	}
	m.redisPosition = at.position
	if late {
		if err := m.confirm(ctx); err != nil {
			return err
		}
	}
	if len(applied) < batch { // otherwise the log may hold more entries from before the read
		m.markFresh(sent)
	}
	return nil
}

// read blocks until the log has entries after the mirror's position, at most for wait, and returns them.
func (m *Mirror) read(ctx context.Context, wait time.Duration) ([]redis.XStream, error) {
	within, cancel := m.deadline(ctx, wait)
	defer cancel()
	from := strconv.FormatInt(m.position.Load(), 10) + "-0"
	return m.o.Redis.XRead(within, &redis.XReadArgs{Streams: []string{logKey, from}, Count: batch, Block: wait}).Result()
}

// logged is an entry in the log.
type logged struct {
	field, text string
	position    int64
}

// applyAll applies the log's messages to the table. It returns the entries that it applied, also with an error.
func (m *Mirror) applyAll(streams []redis.XStream) (applied []logged, err error) {
	now := m.now()
	for _, stream := range streams {
		for _, message := range stream.Messages {
			number, _, _ := strings.Cut(message.ID, "-")
			position, err := strconv.ParseInt(number, 10, 64)
			if err != nil || position != m.position.Load()+1 {
				return applied, errBehind
			}
			if before, marked := message.Values[fieldPreviousID].(string); marked && before != m.writeID {
				return applied, errBehind // the previous entry is not the one that was applied here
			}
			m.writeID, _ = message.Values[fieldWriteID].(string)
			one := logged{position: position}
			one.field, _ = message.Values[fieldName].(string)
			one.text, _ = message.Values[fieldText].(string)
			m.applyEntry(one.field, one.text, now)
			m.position.Store(position)
			applied = append(applied, one)
		}
	}
	return applied, nil
}

// notifyWatchers notifies the watchers that an applied entry denies.
func (m *Mirror) notifyWatchers(one logged) {
	kind, value, _ := parseField(one.field)
	if !m.watchers.hasWatchers(kind, value) {
		return // the usual case: its text need not be parsed
	}
	e, err := decode(one.field, one.text)
	if err != nil { // applyEntry has counted and logged it
		e.Kind, e.Value, e.Before = kind, value, m.now()
	}
	e.Position = one.position
	m.watchers.notify(e)
}

// markFresh records that the mirror's data is as of t.
func (m *Mirror) markFresh(t time.Time) { m.asOf.Store(&freshness{asOf: t}) }

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

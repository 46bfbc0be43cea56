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
	// batch is how many entries of the log are read at a time.
	batch = 1000
	// sweepEvery is how often what has expired is let go.
	sweepEvery = 30 * time.Second
	// shortest is for how long the mirror waits for entries at least: zero would be for ever.
	shortest = time.Millisecond
	// pause is how long the mirror waits after Redis failed.
	pause = 50 * time.Millisecond
)

// errBehind says that the log does not go on where the mirror stands: entries were
// trimmed, or this is another log.
var errBehind = errors.New("denylist: the log does not go on here")

// Run keeps the mirror up to date until ctx ends. It returns nil then.
func (m *Mirror) Run(ctx context.Context) error {
	defer m.leave(ctx)
	// go-redis heeds a deadline while it waits for an answer, but not a cancellation:
	// a read that still waits when ctx ends is left to itself.
	ended := make(chan struct{})
	go func() { defer close(ended); m.keep(ctx) }()
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}

func (m *Mirror) keep(ctx context.Context) {
	swept := m.now()
	var last error
	for ctx.Err() == nil {
		err := m.step(ctx)
		if ctx.Err() != nil {
			return
		}
		m.complain(last, err)
		last = err
		if err != nil {
			sleep(ctx, pause)
		}
		if now := m.now(); now.Sub(swept) >= sweepEvery {
			swept = now
			m.table.sweep(now)
		}
	}
}

// step loads the set if the mirror does not follow the log, and else reads on.
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

// complain logs when things change, not at every step, and at most once a second: a
// log that somebody else writes to breaks again as soon as it is mended.
func (m *Mirror) complain(last, err error) {
	changed := (err == nil) != (last == nil) || err != nil && !sameKind(last, err)
	now := m.now()
	if !changed || now.Sub(m.complained) < time.Second {
		return
	}
	m.complained = now
	switch {
	case errors.Is(err, ErrEmpty) && m.heard.Load() == nil:
		m.o.Logger.Info("waiting for the portal to make the denylist")
	case err != nil:
		m.o.Logger.Warn("the denylist can't be followed", "error", err, "position", m.position.Load(), "refuses_after", m.o.Bound.String())
	default:
		m.o.Logger.Info("the denylist is followed again", "position", m.position.Load())
	}
}

func sameKind(a, b error) bool {
	for _, kind := range []error{ErrEmpty, ErrForeign, errBehind} {
		if errors.Is(a, kind) != errors.Is(b, kind) {
			return false
		}
	}
	return true
}

// deadline bounds one exchange with Redis: an answer that comes later than the bound
// is of no use any more.
func (m *Mirror) deadline(ctx context.Context, more time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, m.o.Bound+more)
}

// follow reads on from the mirror's position, applies what came, and confirms it at
// once. What else there is to tell and to ask waits until the next beat is due: when
// something is revoked, all replicas do this in the same moment.
func (m *Mirror) follow(ctx context.Context) error {
	sent := m.now()
	wait := max(m.block-sent.Sub(m.beaten), shortest).Truncate(time.Millisecond) // as Redis will
	if m.confirmed != m.position.Load() {
		wait = shortest // what could not be confirmed before comes next
	}
	streams, err := m.read(ctx, wait)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, redis.Nil):
		if m.seen > m.position.Load() {
			return errBehind // what was there at the last beat should have come
		}
		// Redis held the question for the whole time before it said "nothing".
		if m.now().Sub(sent) >= wait {
			sent = sent.Add(wait)
		}
	case err != nil:
		return told(err)
	}
	applied, err := m.applyAll(streams)
	// What was applied now goes on where the mirror stood. What could not be confirmed before is confirmed below, after a
	// look at where the log stands: Redis may have gone back in time since.
	late := len(applied) == 0 && m.confirmed != m.position.Load()
	if err == nil && !late {
		err = m.confirm(ctx)
	}
	for _, one := range applied {
		m.tell(one)
	}
	if err != nil || !late && m.now().Sub(m.beaten) < m.block {
		return err
	}
	at, err := m.beat(ctx)
	switch {
	case err != nil:
		return err
	case at.epoch == "":
		m.synced.Store(false)
		return ErrEmpty
	case at.split(place{epoch: m.epoch, position: m.position.Load(), last: m.position.Load(), mark: m.mark}):
		return errBehind
	}
	m.seen = at.position
	if late {
		if err := m.confirm(ctx); err != nil {
			return err
		}
	}
	if len(applied) < batch { // else there may be more that is older than the question
		m.hear(sent)
	}
	return nil
}

// read waits at Redis for what comes after the mirror's position.
func (m *Mirror) read(ctx context.Context, wait time.Duration) ([]redis.XStream, error) {
	within, cancel := m.deadline(ctx, wait)
	defer cancel()
	from := strconv.FormatInt(m.position.Load(), 10) + "-0"
	return m.o.Redis.XRead(within, &redis.XReadArgs{Streams: []string{logKey, from}, Count: batch, Block: wait}).Result()
}

// logged is an entry as the log has it.
type logged struct {
	field, text string
	position    int64
}

// applyAll puts messages of the log into the table. What it returns was applied,
// even if there is an error.
func (m *Mirror) applyAll(streams []redis.XStream) (applied []logged, err error) {
	now := m.now()
	for _, stream := range streams {
		for _, message := range stream.Messages {
			number, _, _ := strings.Cut(message.ID, "-")
			position, err := strconv.ParseInt(number, 10, 64)
			if err != nil || position != m.position.Load()+1 {
				return applied, errBehind
			}
			if before, marked := message.Values["b"].(string); marked && before != m.mark {
				return applied, errBehind // what was here before was another one's
			}
			m.mark, _ = message.Values["w"].(string)
			one := logged{position: position}
			one.field, _ = message.Values["k"].(string)
			one.text, _ = message.Values["e"].(string)
			m.take(one.field, one.text, now)
			m.position.Store(position)
			applied = append(applied, one)
		}
	}
	return applied, nil
}

// tell tells who watches of an entry that was applied.
func (m *Mirror) tell(one logged) {
	kind, value, _ := parseField(one.field)
	if !m.watchers.concerned(kind, value) {
		return // mostly: reading its text can be saved
	}
	e, err := decode(one.field, one.text)
	if err != nil { // counted and told by take
		e.Kind, e.Value, e.Before = kind, value, m.now()
	}
	e.Position = one.position
	m.watchers.tell(e)
}

// hear notes that what the mirror knows is as of t.
func (m *Mirror) hear(t time.Time) { m.heard.Store(&knowledge{asOf: t}) }

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

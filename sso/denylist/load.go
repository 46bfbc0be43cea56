package denylist

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// loadBatch is how many entries of the set are asked for at a time.
	loadBatch = 5000
	// loadPatience bounds the wait for them.
	loadPatience = 30 * time.Second
)

// load takes over the whole set. The position is read first: what is written while
// the set is read is in the log after it, and to apply an entry twice does no harm.
func (m *Mirror) load(ctx context.Context) error {
	// Registered first: whoever writes from now on waits for this replica.
	first, err := m.beat(ctx)
	if err != nil {
		return err
	}
	if first.epoch == "" {
		return ErrEmpty
	}
	if err := m.loadSet(ctx); err != nil {
		return err
	}
	m.position.Store(first.position)
	m.epoch, m.seen, m.mark = first.epoch, 0, first.mark
	// As of before the set was read, if it is still the same one.
	second, err := m.beat(ctx)
	switch {
	case err != nil:
		return err
	case second.split(first):
		return errBehind
	}
	m.synced.Store(true)
	m.hear(first.sent)
	m.confirmed = -1 // also if it stands where it stood: this set is another one
	m.o.Logger.Info("the denylist is loaded", "entries", m.table.entries.Load(), "position", first.position)
	err = m.confirm(ctx)
	go m.explainAll(ctx) // it asks Redis for each, and must not hold up the log
	return err
}

func (m *Mirror) loadSet(ctx context.Context) error {
	count, err := m.count(ctx)
	if err != nil {
		return err
	}
	now := m.now()
	m.table.reserve(int(count), now)
	rdb := m.o.Redis
	if single, ok := rdb.(*redis.Client); ok {
		rdb = single.WithTimeout(loadPatience) // an embedded Redis gives the whole set at once
	}
	var cursor uint64
	for {
		within, cancel := context.WithTimeout(ctx, loadPatience)
		page, next, err := rdb.HScan(within, setKey, cursor, "", loadBatch).Result()
		cancel()
		if err != nil {
			return told(err)
		}
		for i := 0; i+1 < len(page); i += 2 {
			m.take(page[i], page[i+1], now)
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (m *Mirror) count(ctx context.Context) (int64, error) {
	within, cancel := m.deadline(ctx, 0)
	defer cancel()
	n, err := m.o.Redis.HLen(within, setKey).Result()
	return n, told(err)
}

// unreadableFor is how long an entry is kept whose end can't be read.
const unreadableFor = 24 * time.Hour

// take puts one entry of the set into the table. Of one that can't be read, the name
// still says what it denied: all of that is denied.
func (m *Mirror) take(field, text string, now time.Time) {
	kind, value, known := parseField(field)
	h, ok := parseHeader(text)
	if !known || !ok {
		m.unreadable.Add(1)
		m.o.Logger.Error("an entry of the denylist can't be read", "entry", clip(field), "denied_anyway", known)
		if !known {
			return // no look-up ever asks for such a name
		}
		h = header{before: everything, until: now.Add(unreadableFor)}
		if kind == Subject {
			h.before = uint32(now.Unix() + 1)
		}
	}
	if kind == Subject && h.except != "" { // first, so that it is not denied for a moment
		m.table.put(exempt, h.except, h.before, h.until, now)
	}
	m.table.put(kind, value, h.before, h.until, now)
}

func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "?")
}

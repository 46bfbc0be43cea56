package denylist

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// loadBatch is the number of entries that each HSCAN asks for.
	loadBatch = 5000
	// loadTimeout is the timeout of each HSCAN.
	loadTimeout = 30 * time.Second
)

// load loads the whole set and starts to follow the log. It reads the log's position first: entries that are written
// while the set is read come later in the log, and applying an entry twice is harmless.
func (m *Mirror) load(ctx context.Context) error {
	// Register first: from now on, writers wait for this replica's confirmation.
	first, err := m.heartbeat(ctx)
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
	m.epoch, m.redisPosition, m.writeID = first.epoch, 0, first.writeID
	// The data is as of the time before the set was read, if the log is still the same.
	second, err := m.heartbeat(ctx)
	switch {
	case err != nil:
		return err
	case second.divergedFrom(first):
		return errBehind
	}
	m.synced.Store(true)
	m.markFresh(first.sent)
	m.confirmed = -1 // confirm even an unchanged position: the set may be another one
	m.o.Logger.Info("denylist loaded", "entries", m.table.entries.Load(), "position", first.position)
	err = m.confirm(ctx)
	go m.notifyDenied(ctx) // in the background: it asks Redis once for each watcher
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
		rdb = single.WithTimeout(loadTimeout) // an embedded Redis returns the whole set at once
	}
	var cursor uint64
	for {
		within, cancel := context.WithTimeout(ctx, loadTimeout)
		page, next, err := rdb.HScan(within, setKey, cursor, "", loadBatch).Result()
		cancel()
		if err != nil {
			return translateError(err)
		}
		for i := 0; i+1 < len(page); i += 2 {
			m.applyEntry(page[i], page[i+1], now)
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
	return n, translateError(err)
}

// unreadableFor is how long a mirror keeps an entry whose expiry can't be parsed.
const unreadableFor = 24 * time.Hour

// applyEntry puts an entry into the table. If its text can't be parsed, everything that its field names is denied.
func (m *Mirror) applyEntry(field, text string, now time.Time) {
	kind, value, known := parseField(field)
	h, ok := parseHeader(text)
	if !known || !ok {
		m.unreadable.Add(1)
		m.o.Logger.Error("cannot read a denylist entry", "entry", clip(field), "denied_anyway", known)
		if !known {
			return // no lookup uses such a field
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

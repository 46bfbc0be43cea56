package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
)

const (
	maxRelayBatch = 100
	// maxStreamLength is the approximate maximum length of the stream: a consumer that is further behind loses entries.
	maxStreamLength = 1_000_000
	relayInterval   = time.Second
	// batchInterval is the pause between two batches: when there are many sign-ins, a transaction for the event of each
	// would cost too much.
	batchInterval = 500 * time.Millisecond
)

// Relay moves events from one service's outbox to the stream. Every replica runs one; database locks keep them from
// moving the same events.
type Relay struct {
	db       *db.DB
	rdb      redis.UniversalClient
	log      *slog.Logger
	notified chan struct{}
}

// NewRelay returns a relay of d's service, or an error if an argument is nil.
func NewRelay(d *db.DB, rdb redis.UniversalClient, log *slog.Logger) (*Relay, error) {
	if d == nil || rdb == nil || log == nil {
		return nil, errors.New("events: a relay requires a database, Redis and a logger")
	}
	return &Relay{db: d, rdb: rdb, log: log, notified: make(chan struct{}, 1)}, nil
}

// Notify makes Run look at the outbox soon. It never blocks.
func (r *Relay) Notify() {
	select {
	case r.notified <- struct{}{}:
	default:
	}
}

// Run moves events until ctx ends, and returns nil then. It retries after errors.
func (r *Relay) Run(ctx context.Context) error {
	tick := time.NewTicker(relayInterval)
	defer tick.Stop()
	failing := false
	for {
		n, err := r.Flush(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failed := err != nil; failed != failing {
			failing = failed
			if failed {
				r.log.Warn("cannot publish events; they wait in the outbox", "error", err)
			} else {
				r.log.Info("publishing events again")
			}
		}
		if n == maxRelayBatch {
			continue
		}
		if n > 0 { // more events may follow: move them together
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(batchInterval):
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.notified:
		case <-tick.C:
		}
	}
}

type outboxRow struct {
	ID      string `db:"id"`
	Type    string `db:"type"`
	Subject string `db:"subject"`
	At      int64  `db:"at"`
	Data    string `db:"data"`
}

// Flush moves one batch of the oldest events and returns their number.
func (r *Relay) Flush(ctx context.Context) (int, error) {
	// Check before taking the write lock: an outbox is empty most of the time.
	waiting, err := db.One[bool](ctx, r.db, "outbox", `SELECT EXISTS (SELECT 1 FROM event_outbox)`)
	if err != nil || !waiting {
		return 0, err
	}
	n := 0
	err = r.db.Tx(ctx, func(tx *sqlx.Tx) error {
		query := `SELECT id, type, subject, at, data FROM event_outbox ORDER BY at, id LIMIT ?`
		if r.db.Dialect == db.Postgres {
			query += ` FOR UPDATE SKIP LOCKED`
		}
		rows, err := db.All[outboxRow](ctx, tx, "read", query, maxRelayBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := r.publish(ctx, rows); err != nil {
			return err
		}
		ids := make([]string, len(rows))
		for i, row := range rows {
			ids[i] = row.ID
		}
		n = len(rows)
		return db.Exec(ctx, tx, "delete", `DELETE FROM event_outbox WHERE id IN (?)`, ids)
	})
	if err != nil {
		return 0, fmt.Errorf("outbox: %w", err)
	}
	return n, nil
}

func (r *Relay) publish(ctx context.Context, rows []outboxRow) error {
	pipe := r.rdb.Pipeline()
	for _, row := range rows {
		event, err := json.Marshal(struct {
			ID      string          `json:"id"`
			Type    string          `json:"type"`
			Service string          `json:"service"`
			At      time.Time       `json:"at"`
			Subject string          `json:"sub,omitempty"`
			Data    json.RawMessage `json:"data,omitempty"`
		}{row.ID, row.Type, r.db.Service(), db.Time(row.At), row.Subject, json.RawMessage(row.Data)})
		if err != nil {
			return err
		}
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: Stream, MaxLen: maxStreamLength, Approx: true, Values: []any{"event", string(event)}})
	}
	_, err := pipe.Exec(ctx)
	return err
}

package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Stream is the key of the Redis stream that all services write to.
const Stream = "gatehouse:events"

// The types of event, with what their Data holds.
const (
	SignIn        = "sign_in"        // client_id, method: "password" or "sso"
	SignOut       = "sign_out"       // client_id, scope: "session" or "everywhere"
	Registered    = "registered"     // nothing
	OrderPlaced   = "order_placed"   // order_id, total_cents, items: [{product, name, quantity, cents}]
	ThreadCreated = "thread_created" // thread_id, board
	PostCreated   = "post_created"   // thread_id, post_id, board
	VoteCast      = "vote_cast"      // post_id, value
)

// ErrMalformed is wrapped by errors about a stream entry that is not an event.
var ErrMalformed = errors.New("malformed event")

// Event is one thing that happened, once.
type Event struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Service string         `json:"service"` // set by the relay
	At      time.Time      `json:"at"`
	Subject string         `json:"sub,omitempty"` // who did it
	Data    map[string]any `json:"data,omitempty"`
}

// New is an event that happens now, with an id of its own.
func New(typ, subject string, data map[string]any) Event {
	return Event{ID: rand.Text(), Type: typ, At: time.Now().UTC(), Subject: subject, Data: data}
}

// Record writes e into the outbox within tx.
func Record(ctx context.Context, tx *sqlx.Tx, e Event) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	_, err = tx.ExecContext(ctx, tx.Rebind(`INSERT INTO event_outbox (id, type, subject, at, data) VALUES (?, ?, ?, ?, ?)`),
		e.ID, e.Type, e.Subject, e.At.UnixMilli(), string(data))
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	return nil
}

// parse reads an event from the fields of a stream entry.
func parse(fields map[string]any) (Event, error) {
	raw, ok := fields["event"].(string)
	if !ok {
		return Event{}, fmt.Errorf("%w: no field \"event\"", ErrMalformed)
	}
	var e Event
	if err := json.Unmarshal([]byte(raw), &e); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if e.ID == "" || e.Type == "" || e.At.IsZero() {
		return Event{}, fmt.Errorf("%w: id, type or time is missing", ErrMalformed)
	}
	return e, nil
}

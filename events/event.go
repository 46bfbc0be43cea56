package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Stream is the key of the Redis stream to which all services write.
const Stream = "gatehouse:events"

// Types of events, with the contents of their Data.
const (
	Deployed       = "deployed"        // version: a version of the service that starts for the first time
	SignIn         = "sign_in"         // client_id, method: "password" or "sso"
	SignOut        = "sign_out"        // client_id, scope: "session" or "everywhere"
	Registered     = "registered"      // empty
	UserBanned     = "user_banned"     // user_id: the user who was banned
	CartStarted    = "cart_started"    // product: the first one in a user's empty cart
	OrderPlaced    = "order_placed"    // order_id, total_cents (with shipping), items: [{product, name, quantity, cents}]
	OrderCancelled = "order_cancelled" // order_id, total_cents, how: "cancelled" or "returned"; once for an order
	ThreadCreated  = "thread_created"  // thread_id, board
	PostCreated    = "post_created"    // thread_id, post_id, board
	VoteCast       = "vote_cast"       // post_id, value
)

// ErrMalformed is wrapped by the errors about a stream entry that is not an event.
var ErrMalformed = errors.New("malformed event")

// Event is something that happened once.
type Event struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Service string         `json:"service"` // set by the relay
	At      time.Time      `json:"at"`
	Subject string         `json:"sub,omitempty"` // the user who did it
	Data    map[string]any `json:"data,omitempty"`
}

// New returns an event that happens now, with a new id.
func New(typ, subject string, data map[string]any) Event {
	return Event{ID: rand.Text(), Type: typ, At: time.Now().UTC(), Subject: subject, Data: data}
}

// Record inserts e into the outbox within tx.
func Record(ctx context.Context, tx *sqlx.Tx, e Event) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	return db.Exec(ctx, tx, "event "+e.Type, `INSERT INTO event_outbox (id, type, subject, at, data) VALUES (?, ?, ?, ?, ?)`,
		e.ID, e.Type, e.Subject, e.At.UnixMilli(), string(data))
}

// parse returns the event in the fields of a stream entry. Its errors wrap ErrMalformed.
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

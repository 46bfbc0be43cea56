package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Audited actions of users on their own accounts. The target is the user.
const (
	SignInFailed    = "person.sign_in_failed" // Detail has a reason; ActorID is "" unless the user was signed in
	PasswordChanged = "person.password_changed"
	EmailChanged    = "person.email_changed" // Detail has the email: from and to
)

// Audit is a row of the audit: the actor, the action, its target and the client address. Rows are append-only; the
// database enforces it.
type Audit struct {
	Seq        int64 // set by the database, ascending
	At         time.Time
	ActorID    string // the sub of the user who acted; "" for a guest
	Actor      string // the actor's email at that time
	Action     string // code such as "person.banned"
	TargetKind string // "user", "sign_in", "client", "key", …
	TargetID   string
	Target     string // the target's name at that time
	IP         string
	RequestID  string
	Detail     map[string]any // nil for none
}

// Audited returns the change that adds a row to the audit.
func Audited(a Audit) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		detail := []byte("{}")
		if len(a.Detail) > 0 {
			var err error
			if detail, err = json.Marshal(a.Detail); err != nil {
				return fmt.Errorf("store: audit: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO audit (at, actor_id, actor, action, target_kind, target_id, target, ip, request_id, detail)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`), db.Millis(a.At), a.ActorID, a.Actor, a.Action, a.TargetKind, a.TargetID, a.Target,
			a.IP, a.RequestID, string(detail))
		if err != nil {
			return fmt.Errorf("store: audit: %w", err)
		}
		return nil
	}}
}

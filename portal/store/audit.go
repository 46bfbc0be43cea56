package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// What people do at their own account, as the audit has it: the target is the person.
const (
	SignInFailed    = "person.sign_in_failed" // Detail has a reason; ActorID is "" unless the person was signed in
	PasswordChanged = "person.password_changed"
	EmailChanged    = "person.email_changed" // Detail has the email: from and to
)

// Audit is a row of the audit: who did what, to whom, from where. The database refuses to change or remove one.
type Audit struct {
	Seq        int64 // its place; given by the database
	At         time.Time
	ActorID    string // the sub of the person who did it; "" for a guest
	Actor      string // what they were called then: the email
	Action     string // code such as "person.banned"
	TargetKind string // "user", "sign_in", "client", "key", …
	TargetID   string
	Target     string // what it was called then
	IP         string
	RequestID  string
	Detail     map[string]any // nil for none
}

// Audited writes a row of the audit.
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

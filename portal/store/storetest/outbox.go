package storetest

import (
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
)

// Register declares a client with the back-channel logout URI uri, or replaces its declaration.
func Register(t testing.TB, s *store.Store, id, uri string) {
	t.Helper()
	c := store.Client{ID: id, Name: "The " + id, BackchannelLogoutURI: uri, AuthMethod: "none", CreatedAt: Now}
	if _, err := s.DeclareClients(t.Context(), []store.Client{c}, Now); err != nil {
		t.Fatal(err)
	}
}

// AddNotice adds a notice to the outbox, created at n.CreatedAt (Now if that is zero) and due at due, and returns it.
func AddNotice(t testing.TB, d *db.DB, n store.Notice, due time.Time) store.Notice {
	t.Helper()
	if n.CreatedAt.IsZero() {
		n.CreatedAt = Now
	}
	if n.ID == "" {
		n.ID = "notice of " + n.SID + " to " + n.ClientID
	}
	if n.UserID == "" {
		n.UserID = "user of " + n.SID
	}
	if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO backchannel_outbox (id, client_id, sid, user_id, ending, created_at, next_attempt_at, attempts)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`), n.ID, n.ClientID, n.SID, n.UserID, n.ReceiptID, db.Millis(n.CreatedAt), db.Millis(due), n.Attempts); err != nil {
		t.Fatal(err)
	}
	return n
}

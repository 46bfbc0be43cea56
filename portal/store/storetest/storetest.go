package storetest

import (
	"crypto/rand"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
)

// Now is the creation time of the records.
var Now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// New returns a store on d.
func New(t testing.TB, d *db.DB) *store.Store {
	t.Helper()
	s, err := store.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// User returns a user with that email (already normalised), not stored yet.
func User(email string) store.User {
	return store.User{
		ID: "user-" + email, Email: email, EmailNormalised: email, Name: "Maria Keller", PasswordHash: "hash of " + email,
		Roles: []string{"customer", "moderator"}, CreatedAt: Now, UpdatedAt: Now, PasswordChangedAt: Now,
	}
}

// SignIn returns a sign-in of u, not stored yet.
func SignIn(u store.User) store.SignIn {
	return store.SignIn{
		SID: rand.Text(), UserID: u.ID, CreatedAt: Now, LastSeenAt: Now, UserAgent: "Mozilla/5.0", IP: "203.0.113.7", Replica: "portal-1",
	}
}

// Registered stores a user with a first sign-in, and returns both.
func Registered(t testing.TB, s *store.Store, email string) (store.User, store.SignIn) {
	t.Helper()
	u := User(email)
	in := SignIn(u)
	if err := s.Register(t.Context(), u, in); err != nil {
		t.Fatal(err)
	}
	return u, in
}

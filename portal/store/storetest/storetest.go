// Package storetest proves that the portal's store behaves alike on SQLite and on PostgreSQL: every test in it runs
// on both. Its exported functions make records for the tests of other packages.
package storetest

import (
	"crypto/rand"
	"testing"
	"time"

	"gatehouse/db"
	"gatehouse/portal/store"
)

// Now is the moment at which the records are made.
var Now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// New is a store on d.
func New(t testing.TB, d *db.DB) *store.Store {
	t.Helper()
	s, err := store.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// User is a person with that email (already normalised), not stored yet.
func User(email string) store.User {
	return store.User{
		ID: "user-" + email, Email: email, EmailNormalised: email, Name: "Maria Keller", PasswordHash: "hash of " + email,
		Roles: []string{"customer", "moderator"}, CreatedAt: Now, UpdatedAt: Now, PasswordChangedAt: Now,
	}
}

// SignIn is a sign-in of u, not stored yet.
func SignIn(u store.User) store.SignIn {
	return store.SignIn{
		SID: rand.Text(), UserID: u.ID, CreatedAt: Now, LastSeenAt: Now, UserAgent: "Mozilla/5.0", IP: "203.0.113.7", Replica: "portal-1",
	}
}

// Registered stores a person with a first sign-in.
func Registered(t testing.TB, s *store.Store, email string) (store.User, store.SignIn) {
	t.Helper()
	u := User(email)
	in := SignIn(u)
	if err := s.Register(t.Context(), u, in); err != nil {
		t.Fatal(err)
	}
	return u, in
}

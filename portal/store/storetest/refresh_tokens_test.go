package storetest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// A refresh token is exchanged at the very moment at which its grant is revoked, or its sign-in ended: no successor
// may be left that works, and neither of the two may fail because of the other.
func TestEndSignIns_RaceWithRotations(t *testing.T) {
	for what, end := range map[string]func(e *store.EndRequest, t store.RefreshToken){
		"the grant is revoked": func(e *store.EndRequest, t store.RefreshToken) { e.Token = t.Family },
		"the sign-in ends":     func(e *store.EndRequest, t store.RefreshToken) { e.SID = t.SID },
		"the person is ended":  func(e *store.EndRequest, t store.RefreshToken) { e.UserID = t.UserID },
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(t *testing.T, s *store.Store, d *db.DB) {
				u, _ := storetest.Registered(t, s, "maria@example.com")
				ctx := context.WithoutCancel(t.Context())
				for i := range 25 {
					in := storetest.SignIn(u)
					in.CreatedAt = at.Add(time.Duration(i+1) * time.Minute) // after the ending of the turn before
					in.LastSeenAt = in.CreatedAt
					if err := s.SignIn(ctx, in, u.PasswordHash); err != nil {
						t.Fatal(err)
					}
					first := store.RefreshToken{
						Hash: rand.Text(), Family: rand.Text(), UserID: u.ID, SID: in.SID, ClientID: "shop", Scope: "openid",
						CreatedAt: at, ExpiresAt: at.Add(time.Hour),
					}
					if _, err := s.RecordClientSignIn(ctx, store.SignInIdentity{UserID: u.ID, SID: in.SID}, "shop", &first, at); err != nil {
						t.Fatal(err)
					}
					ended := make(chan error, 1)
					err := s.Rotate(ctx, first.Hash, at, func(old store.RefreshToken) (*store.RefreshToken, string, error) {
						begun := make(chan struct{})
						go func() {
							close(begun)
							_, err := s.EndSignIns(ctx, endRequest(func(e *store.EndRequest) { end(e, first) }))
							ended <- err
						}()
						<-begun
						if !old.RevokedAt.IsZero() {
							return nil, "", store.ErrNotFound
						}
						next := old
						next.Hash = rand.Text()
						return &next, "sealed", nil
					})
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						t.Errorf("rotation: %v", err)
					}
					if err := <-ended; err != nil {
						t.Errorf("ending: %v", err)
					}
					finishDenials(t, s)
					if n := count(t, d, `SELECT COUNT(*) FROM refresh_tokens WHERE family = ? AND revoked_at IS NULL`, first.Family); n != 0 {
						t.Fatalf("%d refresh tokens outlive the end of what they belong to", n)
					}
				}
			})
		})
	}
}

package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse.example/portal/password"
	"gatehouse.example/portal/store"
)

// DemoPassword is the password of every demo account. In a portal without demo accounts, the password policy refuses
// it, and those that an earlier start created can't sign in.
const DemoPassword = "gatehouse-demo"

// DemoAccount is an account for trying the apps, with a published password.
type DemoAccount struct{ ID, Name, Email, Role string }

// DemoAccounts returns the demo accounts, one for each role. Their ids are fixed, since the apps' demo data refer to
// them.
func DemoAccounts() []DemoAccount {
	return []DemoAccount{
		{"demo-alice", "Alice Demo", "alice@example.com", "customer"},
		{"demo-bob", "Bob Demo", "bob@example.com", "moderator"},
		{"demo-carol", "Carol Demo", "carol@example.com", "analyst"},
		{"demo-admin", "Admin Demo", "admin@example.com", "admin"},
	}
}

// DemoIDs returns the ids of the demo accounts.
func DemoIDs() []string {
	var ids []string
	for _, d := range DemoAccounts() {
		ids = append(ids, d.ID)
	}
	return ids
}

// SeedDemo creates the demo accounts that are missing. Replicas may call it concurrently and at every start: it
// hashes one password if any account is missing, and none if all exist.
func SeedDemo(ctx context.Context, s *store.Store, h *password.Hasher, now time.Time) error {
	var missing []store.User
	for _, d := range DemoAccounts() {
		if _, err := s.UserByID(ctx, d.ID); err == nil {
			continue
		} else if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("demo accounts: %w", err)
		}
		missing = append(missing, store.User{
			ID: d.ID, Name: d.Name, Email: d.Email, EmailNormalised: d.Email, Roles: []string{d.Role},
			CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
		})
	}
	if len(missing) == 0 {
		return nil
	}
	hash, err := h.Hash(ctx, DemoPassword)
	if err != nil {
		return fmt.Errorf("demo accounts: %w", err)
	}
	for i := range missing {
		missing[i].PasswordHash = hash // a salt for each would hide nothing: the password is published
	}
	if err := s.SeedUsers(ctx, missing); err != nil {
		return fmt.Errorf("demo accounts: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"errors"
	"time"

	"gatehouse.example/db"
)

// Counts are counts for the whole estate, each up to a limit.
type Counts struct {
	People  int // with an account
	Denied  int // entries of the denylist that have not expired
	Waiting int // of these, those that Redis does not have yet
	Notices int // logout notices that are neither delivered nor given up
	GivenUp int // notices that were given up
}

// Counts returns the counts at now, each up to limit.
func (s *Store) Counts(ctx context.Context, now time.Time, limit int) (c Counts, err error) {
	for _, count := range []struct {
		into  *int
		query string
		args  []any
	}{
		{&c.People, `SELECT 1 FROM users WHERE deleted_at IS NULL`, nil},
		{&c.Denied, `SELECT 1 FROM revocations WHERE until_at > ?`, []any{db.Millis(now)}},
		{&c.Waiting, `SELECT 1 FROM revocations WHERE published_at IS NULL AND +until_at > ?`, []any{db.Millis(now)}},
		{&c.Notices, `SELECT 1 FROM backchannel_outbox WHERE ` + undelivered, nil},
		{&c.GivenUp, `SELECT 1 FROM backchannel_outbox WHERE given_up_at IS NOT NULL`, nil},
	} {
		if *count.into, err = s.countUpTo(ctx, limit, count.query, count.args...); err != nil {
			return Counts{}, err
		}
	}
	return c, nil
}

// maxCountedReplicas limits the number of replicas that are counted, since old names may remain in the database.
const maxCountedReplicas = 200

// SignInCount is a replica with a number of active sign-ins: of the portal, if Client is "", with those that signed in
// there; of an app, with those for which it was the last to request tokens. Replica is "" for replicas without a
// name. Count stops at the given limit.
type SignInCount struct {
	Client  string `db:"client"`
	Replica string `db:"replica"`
	Count   int    `db:"-"`
}

// ActiveSignInCounts counts the active sign-ins seen since that time, by portal replica, and by app and its replica.
// Each count stops at limit, so that a million sign-ins do not make it slow. It skips from one replica to the next in
// the index, and reads nothing else.
func (s *Store) ActiveSignInCounts(ctx context.Context, since time.Time, limit int) ([]SignInCount, error) {
	var counted []SignInCount
	for c, n := (SignInCount{}), 0; n < maxCountedReplicas; n++ {
		query, args := countAtPortal, []any{c.Replica}
		if c.Client != "" {
			query, args = countAtClient, []any{c.Client, c.Replica}
		}
		var err error
		if c.Count, err = s.countUpTo(ctx, limit, query, append(args, db.Millis(since))...); err != nil {
			return nil, err
		}
		if c.Count > 0 {
			counted = append(counted, c)
		}
		c, err = s.nextReplica(ctx, c)
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return counted, nil
}

const (
	countAtPortal = `SELECT 1 FROM sign_ins WHERE ended_at IS NULL AND replica = ? AND last_seen_at >= ?`
	countAtClient = `SELECT 1 FROM sign_in_clients WHERE ended_at IS NULL AND client_id = ? AND replica = ? AND last_at >= ?`
)

// The steps from one replica to the next; each is a seek in an index.
const (
	nextOfPortal = `SELECT '' AS client, replica FROM sign_ins WHERE ended_at IS NULL AND replica > ? ORDER BY replica LIMIT 1`
	nextOfClient = `SELECT client_id AS client, replica FROM sign_in_clients
		WHERE ended_at IS NULL AND client_id = ? AND replica > ? ORDER BY replica LIMIT 1`
	nextClient = `SELECT client_id AS client, replica FROM sign_in_clients
		WHERE ended_at IS NULL AND client_id > ? ORDER BY client_id, replica LIMIT 1`
)

// nextReplica returns the replica after c, or ErrNotFound if c is the last.
func (s *Store) nextReplica(ctx context.Context, c SignInCount) (SignInCount, error) {
	query, args := nextOfPortal, []any{c.Replica}
	if c.Client != "" {
		query, args = nextOfClient, []any{c.Client, c.Replica}
	}
	next, err := db.One[SignInCount](ctx, s.db, "next replica", query, args...)
	if errors.Is(err, ErrNotFound) {
		return db.One[SignInCount](ctx, s.db, "next client", nextClient, c.Client)
	}
	return next, err
}

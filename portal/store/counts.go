package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gatehouse/db"
)

// Tallies are counts for the whole estate, each up to a limit.
type Tallies struct {
	People    int // with an account
	Denied    int // entries of the denylist that have not expired
	Waiting   int // of these, those that Redis does not have yet
	Notices   int // logout notices that are neither delivered nor given up
	Abandoned int // notices that were given up
}

// Tallies returns the counts at now, each up to limit.
func (s *Store) Tallies(ctx context.Context, now time.Time, limit int) (t Tallies, err error) {
	for _, count := range []struct {
		into  *int
		query string
		args  []any
	}{
		{&t.People, `SELECT 1 FROM users WHERE deleted_at IS NULL`, nil},
		{&t.Denied, `SELECT 1 FROM revocations WHERE until_at > ?`, []any{db.Millis(now)}},
		{&t.Waiting, `SELECT 1 FROM revocations WHERE published_at IS NULL AND +until_at > ?`, []any{db.Millis(now)}},
		{&t.Notices, `SELECT 1 FROM backchannel_outbox WHERE delivered_at IS NULL AND given_up_at IS NULL`, nil},
		{&t.Abandoned, `SELECT 1 FROM backchannel_outbox WHERE given_up_at IS NOT NULL`, nil},
	} {
		if *count.into, err = s.countUpTo(ctx, limit, count.query, count.args...); err != nil {
			return Tallies{}, fmt.Errorf("store: tallies: %w", err)
		}
	}
	return t, nil
}

// maxPlaces limits the number of replicas that are counted, since old names may remain in the database.
const maxPlaces = 200

// Place is a replica with a number of active sign-ins: of the portal, if Client is "", with those that signed in
// there; of an app, with those for which it was the last to request tokens. Replica is "" for replicas without a
// name. Count stops at the given limit.
type Place struct {
	Client, Replica string
	Count           int
}

// LivingPlaces counts the active sign-ins seen since that time, by portal replica, and by app and its replica. Each
// count stops at limit, so that a million sign-ins do not make it slow. It skips from one replica to the next in the
// index, and reads nothing else.
func (s *Store) LivingPlaces(ctx context.Context, since time.Time, limit int) ([]Place, error) {
	var counted []Place
	for p, n := (Place{}), 0; n < maxPlaces; n++ {
		var err error
		if p.Count, err = s.countPlace(ctx, p, since, limit); err != nil {
			return nil, fmt.Errorf("store: count sign-ins: %w", err)
		}
		if p.Count > 0 {
			counted = append(counted, p)
		}
		p, err = s.nextPlace(ctx, p)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("store: places of sign-ins: %w", err)
		}
	}
	return counted, nil
}

// The steps from one replica to the next; each is a seek in an index.
const (
	nextOfPortal = `SELECT '' AS client, replica FROM sign_ins WHERE ended_at IS NULL AND replica > ? ORDER BY replica LIMIT 1`
	nextOfClient = `SELECT client_id AS client, replica FROM sign_in_clients
		WHERE ended_at IS NULL AND client_id = ? AND replica > ? ORDER BY replica LIMIT 1`
	nextClient = `SELECT client_id AS client, replica FROM sign_in_clients
		WHERE ended_at IS NULL AND client_id > ? ORDER BY client_id, replica LIMIT 1`
)

func (s *Store) nextPlace(ctx context.Context, p Place) (next Place, err error) {
	if p.Client == "" {
		next, err = s.place(ctx, nextOfPortal, p.Replica)
	} else {
		next, err = s.place(ctx, nextOfClient, p.Client, p.Replica)
	}
	if errors.Is(err, sql.ErrNoRows) {
		next, err = s.place(ctx, nextClient, p.Client)
	}
	return next, err
}

func (s *Store) place(ctx context.Context, query string, args ...any) (p Place, err error) {
	err = s.db.QueryRowxContext(ctx, s.db.Rebind(query), args...).Scan(&p.Client, &p.Replica)
	return p, err
}

const (
	signInsAtPlace = `SELECT 1 FROM sign_ins WHERE ended_at IS NULL AND replica = ? AND last_seen_at >= ?`
	openedAtPlace  = `SELECT 1 FROM sign_in_clients WHERE ended_at IS NULL AND client_id = ? AND replica = ? AND last_at >= ?`
)

func (s *Store) countPlace(ctx context.Context, p Place, since time.Time, limit int) (int, error) {
	if p.Client == "" {
		return s.countUpTo(ctx, limit, signInsAtPlace, p.Replica, db.Millis(since))
	}
	return s.countUpTo(ctx, limit, openedAtPlace, p.Client, p.Replica, db.Millis(since))
}

// countUpTo returns the number of rows of a query, at most limit.
func (s *Store) countUpTo(ctx context.Context, limit int, query string, args ...any) (n int, err error) {
	err = s.db.GetContext(ctx, &n, s.db.Rebind(`SELECT COUNT(*) FROM (`+query+` LIMIT ?) AS counted`), append(args, limit)...)
	return n, err
}

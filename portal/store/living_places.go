package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gatehouse/db"
)

// maxPlaces limits the number of replicas that are counted, since old names may remain in the database.
const maxPlaces = 200

// SignInCount is a replica with a number of active sign-ins: of the portal, if Client is "", with those that signed in
// there; of an app, with those for which it was the last to request tokens. Replica is "" for replicas without a
// name. Count stops at the given limit.
type SignInCount struct {
	Client, Replica string
	Count           int
}

// ActiveSignInCounts counts the active sign-ins seen since that time, by portal replica, and by app and its replica. Each
// count stops at limit, so that a million sign-ins do not make it slow. It skips from one replica to the next in the
// index, and reads nothing else.
func (s *Store) ActiveSignInCounts(ctx context.Context, since time.Time, limit int) ([]SignInCount, error) {
	var counted []SignInCount
	for p, n := (SignInCount{}), 0; n < maxPlaces; n++ {
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

func (s *Store) nextPlace(ctx context.Context, p SignInCount) (next SignInCount, err error) {
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

func (s *Store) place(ctx context.Context, query string, args ...any) (p SignInCount, err error) {
	err = s.db.QueryRowxContext(ctx, s.db.Rebind(query), args...).Scan(&p.Client, &p.Replica)
	return p, err
}

const (
	signInsAtPlace = `SELECT 1 FROM sign_ins WHERE ended_at IS NULL AND replica = ? AND last_seen_at >= ?`
	openedAtPlace  = `SELECT 1 FROM sign_in_clients WHERE ended_at IS NULL AND client_id = ? AND replica = ? AND last_at >= ?`
)

func (s *Store) countPlace(ctx context.Context, p SignInCount, since time.Time, limit int) (int, error) {
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

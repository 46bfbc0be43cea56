package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

var (
	// ErrClientTaken means that there is a client with this id already.
	ErrClientTaken = errors.New("store: there is a client of this id")
	// ErrClientChanged means that a client has changed since it was read.
	ErrClientChanged = errors.New("store: the client changed meanwhile")
	// ErrClientDeclared means that a client is declared by the configuration and is changed there.
	ErrClientDeclared = errors.New("store: the client is declared by the configuration")
)

// AddClient returns the change that registers c, enabled. It fails with ErrClientTaken if the id is taken.
func AddClient(c Client) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := affected(tx.ExecContext(ctx, tx.Rebind(`INSERT INTO clients (id, name, secret_hash, redirect_uris,
			post_logout_redirect_uris, backchannel_logout_uri, auth_method, grant_types, scopes, audiences, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
			append([]any{c.ID}, append(c.values(), db.Millis(c.CreatedAt))...)...))
		if err != nil {
			return fmt.Errorf("add client %s: %w", c.ID, err)
		}
		if n == 0 {
			return ErrClientTaken
		}
		return nil
	}}
}

// EditClient returns the change that replaces version c.Version of a client by c, except whether it is disabled. It
// fails with ErrNotFound, ErrClientDeclared or ErrClientChanged.
func EditClient(c Client) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := affected(tx.ExecContext(ctx, tx.Rebind(`UPDATE clients SET name = ?, secret_hash = ?, redirect_uris = ?,
			post_logout_redirect_uris = ?, backchannel_logout_uri = ?, auth_method = ?, grant_types = ?, scopes = ?, audiences = ?,
			version = version + 1 WHERE id = ? AND version = ? AND NOT declared`), append(c.values(), c.ID, c.Version)...))
		if err != nil {
			return fmt.Errorf("edit client %s: %w", c.ID, err)
		}
		if n == 0 {
			return whyNot(ctx, tx, c.ID)
		}
		return nil
	}}
}

// DisableClient returns the change that disables a client at that time: it then gets nothing but logout notices. It
// fails with ErrNotFound, or ErrClientChanged if the client is disabled already.
func DisableClient(id string, at time.Time) Change {
	return switchClient(id, `UPDATE clients SET disabled_at = ?, version = version + 1 WHERE id = ? AND disabled_at IS NULL`, db.Millis(at), id)
}

// EnableClient returns the change that reverts DisableClient. It fails with ErrNotFound, or ErrClientChanged if the
// client is enabled already.
func EnableClient(id string) Change {
	return switchClient(id, `UPDATE clients SET disabled_at = NULL, version = version + 1 WHERE id = ? AND disabled_at IS NOT NULL`, id)
}

func switchClient(id, statement string, args ...any) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := affected(tx.ExecContext(ctx, tx.Rebind(statement), args...))
		if err != nil {
			return fmt.Errorf("switch client %s: %w", id, err)
		}
		if n > 0 {
			return nil
		}
		if err := whyNot(ctx, tx, id); !errors.Is(err, ErrClientDeclared) {
			return err
		}
		return ErrClientChanged
	}}
}

// whyNot returns the error for a change that matched no row.
func whyNot(ctx context.Context, tx *sqlx.Tx, id string) error {
	var declared bool
	err := tx.GetContext(ctx, &declared, tx.Rebind(`SELECT declared FROM clients WHERE id = ?`), id)
	switch {
	case db.Missing(err):
		return ErrNotFound
	case err != nil:
		return fmt.Errorf("client %s: %w", id, err)
	case declared:
		return ErrClientDeclared
	}
	return ErrClientChanged
}

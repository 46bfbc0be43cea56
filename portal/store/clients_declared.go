package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// DeclareClients creates or updates the clients of these ids as declared, writing only differences. Other clients
// keep their data, but are no longer marked as declared. Whether a client is disabled is not part of its
// declaration. It returns the number of rows written.
func (s *Store) DeclareClients(ctx context.Context, declared []Client, now time.Time) (written int, err error) {
	// Most starts change nothing: check before taking the write lock.
	have, err := s.Clients(ctx)
	if err != nil {
		return 0, err
	}
	changed, dropped := differing(declared, have)
	if len(changed)+len(dropped) == 0 {
		return 0, nil
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, c := range changed {
			if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO clients (id, name, secret_hash, redirect_uris,
				post_logout_redirect_uris, backchannel_logout_uri, auth_method, grant_types, scopes, audiences, created_at, declared)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret_hash = excluded.secret_hash,
				redirect_uris = excluded.redirect_uris, post_logout_redirect_uris = excluded.post_logout_redirect_uris,
				backchannel_logout_uri = excluded.backchannel_logout_uri, auth_method = excluded.auth_method,
				grant_types = excluded.grant_types, scopes = excluded.scopes, audiences = excluded.audiences,
				declared = excluded.declared, version = clients.version + 1`),
				append([]any{c.ID}, append(c.values(), db.Millis(now), true)...)...); err != nil {
				return fmt.Errorf("store: declare client %s: %w", c.ID, err)
			}
		}
		for _, id := range dropped {
			if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE clients SET declared = ?, version = version + 1 WHERE id = ?`), false, id); err != nil {
				return fmt.Errorf("store: client %s is no longer declared: %w", id, err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(changed) + len(dropped), nil
}

// values returns the client's changeable columns, in the order from name to audiences.
func (c Client) values() []any {
	return []any{
		c.Name, sql.NullString{String: c.SecretHash, Valid: c.SecretHash != ""}, toList(c.RedirectURIs), toList(c.PostLogoutRedirectURIs),
		c.BackchannelLogoutURI, c.AuthMethod, toList(c.GrantTypes), toList(c.Scopes), toList(c.Audiences),
	}
}

// differing returns the declarations to write, and the ids of the clients that are no longer declared.
func differing(declared, have []Client) (changed []Client, dropped []string) {
	byID := make(map[string]Client, len(have))
	for _, c := range have {
		byID[c.ID] = c
	}
	for _, c := range declared {
		if old, ok := byID[c.ID]; !ok || !old.Declared || fingerprint(old) != fingerprint(c) {
			changed = append(changed, c)
		}
		delete(byID, c.ID)
	}
	for _, c := range have {
		if _, rest := byID[c.ID]; rest && c.Declared {
			dropped = append(dropped, c.ID)
		}
	}
	return changed, dropped
}

// fingerprint returns all declared values as one string.
func fingerprint(c Client) string {
	return toList([]string{
		c.ID, c.Name, c.SecretHash, toList(c.RedirectURIs), toList(c.PostLogoutRedirectURIs), c.BackchannelLogoutURI,
		c.AuthMethod, toList(c.GrantTypes), toList(c.Scopes), toList(c.Audiences),
	})
}

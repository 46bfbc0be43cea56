package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Client is a registered client (RFC 6749 §2), as package clients means it.
type Client struct {
	ID                     string
	Name                   string
	SecretHash             string // hex of SHA-256; "" for a public client
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackchannelLogoutURI   string
	AuthMethod             string
	GrantTypes             []string
	Scopes                 []string
	Audiences              []string
	CreatedAt              time.Time
	DisabledAt             time.Time // zero: enabled
}

type clientRow struct {
	ID                     string         `db:"id"`
	Name                   string         `db:"name"`
	SecretHash             sql.NullString `db:"secret_hash"`
	RedirectURIs           string         `db:"redirect_uris"`
	PostLogoutRedirectURIs string         `db:"post_logout_redirect_uris"`
	BackchannelLogoutURI   string         `db:"backchannel_logout_uri"`
	AuthMethod             string         `db:"auth_method"`
	GrantTypes             string         `db:"grant_types"`
	Scopes                 string         `db:"scopes"`
	Audiences              string         `db:"audiences"`
	CreatedAt              int64          `db:"created_at"`
	DisabledAt             *int64         `db:"disabled_at"`
}

// Clients are all registered clients, by id.
func (s *Store) Clients(ctx context.Context) ([]Client, error) {
	return selectClients(ctx, s.db)
}

func selectClients(ctx context.Context, q sqlx.QueryerContext) ([]Client, error) {
	var rows []clientRow
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, name, secret_hash, redirect_uris, post_logout_redirect_uris,
		backchannel_logout_uri, auth_method, grant_types, scopes, audiences, created_at, disabled_at FROM clients ORDER BY id`); err != nil {
		return nil, fmt.Errorf("store: clients: %w", err)
	}
	all := make([]Client, 0, len(rows))
	for _, r := range rows {
		c := Client{
			ID: r.ID, Name: r.Name, SecretHash: r.SecretHash.String, BackchannelLogoutURI: r.BackchannelLogoutURI,
			AuthMethod: r.AuthMethod, CreatedAt: db.Time(r.CreatedAt), DisabledAt: timeOf(r.DisabledAt),
		}
		for raw, into := range map[*string]*[]string{
			&r.RedirectURIs: &c.RedirectURIs, &r.PostLogoutRedirectURIs: &c.PostLogoutRedirectURIs,
			&r.GrantTypes: &c.GrantTypes, &r.Scopes: &c.Scopes, &r.Audiences: &c.Audiences,
		} {
			list, err := fromList(*raw)
			if err != nil {
				return nil, fmt.Errorf("store: client %s: %w", r.ID, err)
			}
			*into = list
		}
		all = append(all, c)
	}
	return all, nil
}

// DeclareClients makes the registered clients of these ids be like declared,
// writing only what differs; other clients stay as they are. Whether a client is
// disabled is not part of its declaration. It reports how many it wrote.
func (s *Store) DeclareClients(ctx context.Context, declared []Client, now time.Time) (written int, err error) {
	// Most starts change nothing: look before taking the write lock.
	have, err := s.Clients(ctx)
	if err != nil {
		return 0, err
	}
	changed := differing(declared, have)
	if len(changed) == 0 {
		return 0, nil
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, c := range changed {
			secret := sql.NullString{String: c.SecretHash, Valid: c.SecretHash != ""}
			if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO clients (id, name, secret_hash, redirect_uris,
				post_logout_redirect_uris, backchannel_logout_uri, auth_method, grant_types, scopes, audiences, created_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret_hash = excluded.secret_hash,
				redirect_uris = excluded.redirect_uris, post_logout_redirect_uris = excluded.post_logout_redirect_uris,
				backchannel_logout_uri = excluded.backchannel_logout_uri, auth_method = excluded.auth_method,
				grant_types = excluded.grant_types, scopes = excluded.scopes, audiences = excluded.audiences`),
				c.ID, c.Name, secret, toList(c.RedirectURIs), toList(c.PostLogoutRedirectURIs), c.BackchannelLogoutURI,
				c.AuthMethod, toList(c.GrantTypes), toList(c.Scopes), toList(c.Audiences), db.Millis(now)); err != nil {
				return fmt.Errorf("store: declare client %s: %w", c.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(changed), nil
}

func differing(declared, have []Client) []Client {
	byID := make(map[string]Client, len(have))
	for _, c := range have {
		byID[c.ID] = c
	}
	var changed []Client
	for _, c := range declared {
		if old, ok := byID[c.ID]; !ok || fingerprint(old) != fingerprint(c) {
			changed = append(changed, c)
		}
	}
	return changed
}

// fingerprint is everything that a declaration says.
func fingerprint(c Client) string {
	return toList([]string{
		c.ID, c.Name, c.SecretHash, toList(c.RedirectURIs), toList(c.PostLogoutRedirectURIs), c.BackchannelLogoutURI,
		c.AuthMethod, toList(c.GrantTypes), toList(c.Scopes), toList(c.Audiences),
	})
}

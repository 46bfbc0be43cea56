package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Client is a registered client (RFC 6749 §2) as stored; see package clients.
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
	Declared               bool      // by the configuration
	Version                int64     // incremented with every change
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
	Declared               bool           `db:"declared"`
	Version                int64          `db:"version"`
}

const clientColumns = `id, name, secret_hash, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, auth_method,
	grant_types, scopes, audiences, created_at, disabled_at, declared, version`

// Clients returns all registered clients, by id.
func (s *Store) Clients(ctx context.Context) ([]Client, error) {
	all, err := selectClients(ctx, s.db, `SELECT `+clientColumns+` FROM clients ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("store: clients: %w", err)
	}
	return all, nil
}

// ClientChanges returns a number that increases with every change of a client.
func (s *Store) ClientChanges(ctx context.Context) (int64, error) {
	var n int64
	if err := s.db.GetContext(ctx, &n, `SELECT n FROM client_changes`); err != nil {
		return 0, fmt.Errorf("store: client changes: %w", err)
	}
	return n, nil
}

// Client returns a registered client, disabled or not, or ErrNotFound.
func (s *Store) Client(ctx context.Context, id string) (Client, error) {
	all, err := selectClients(ctx, s.db, s.db.Rebind(`SELECT `+clientColumns+` FROM clients WHERE id = ?`), id)
	switch {
	case err != nil:
		return Client{}, fmt.Errorf("store: client %s: %w", id, err)
	case len(all) == 0:
		return Client{}, ErrNotFound
	}
	return all[0], nil
}

// ClientQuery selects clients, by id. After is the id of the last one on the previous page, Before that of the first
// one on the next page; at most one of them is set.
type ClientQuery struct {
	Search        string // part of the id or the name, ignoring case; "" for all
	After, Before string
	Limit         int
}

// ClientPage returns a page of the registered clients, and whether there are more in the requested direction.
// Clients are few, so a search scans them all.
func (s *Store) ClientPage(ctx context.Context, q ClientQuery) (page []Client, more bool, err error) {
	where, args, order := `1 = 1`, []any{}, `id`
	if q.Search != "" {
		like := "%" + likeEscaper.Replace(q.Search) + "%"
		folded := strings.ToLower(like) // SQLite folds ASCII only: match other letters as typed
		where, args = `(LOWER(id) LIKE ? ESCAPE '~' OR LOWER(name) LIKE ? ESCAPE '~' OR name LIKE ? ESCAPE '~')`, append(args, folded, folded, like)
	}
	switch {
	case q.After != "":
		where, args = where+` AND id > ?`, append(args, q.After)
	case q.Before != "":
		where, args, order = where+` AND id < ?`, append(args, q.Before), `id DESC`
	}
	page, err = selectClients(ctx, s.db, s.db.Rebind(`SELECT `+clientColumns+` FROM clients WHERE `+where+
		` ORDER BY `+order+` LIMIT ?`), append(args, q.Limit+1)...)
	if err != nil {
		return nil, false, fmt.Errorf("store: clients: %w", err)
	}
	if more = len(page) > q.Limit; more {
		page = page[:q.Limit]
	}
	if q.Before != "" {
		slices.Reverse(page)
	}
	return page, more, nil
}

// likeEscaper escapes the wildcards of LIKE.
var likeEscaper = strings.NewReplacer("~", "~~", "%", "~%", "_", "~_")

func selectClients(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) ([]Client, error) {
	var rows []clientRow
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return nil, err
	}
	all := make([]Client, 0, len(rows))
	for _, r := range rows {
		c := Client{
			ID: r.ID, Name: r.Name, SecretHash: r.SecretHash.String, BackchannelLogoutURI: r.BackchannelLogoutURI,
			AuthMethod: r.AuthMethod, CreatedAt: db.Time(r.CreatedAt), DisabledAt: timeOf(r.DisabledAt),
			Declared: r.Declared, Version: r.Version,
		}
		for raw, into := range map[*string]*[]string{
			&r.RedirectURIs: &c.RedirectURIs, &r.PostLogoutRedirectURIs: &c.PostLogoutRedirectURIs,
			&r.GrantTypes: &c.GrantTypes, &r.Scopes: &c.Scopes, &r.Audiences: &c.Audiences,
		} {
			list, err := fromList(*raw)
			if err != nil {
				return nil, fmt.Errorf("client %s: %w", r.ID, err)
			}
			*into = list
		}
		all = append(all, c)
	}
	return all, nil
}

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
				return fmt.Errorf("store: client %s is not declared any more: %w", id, err)
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

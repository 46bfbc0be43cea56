package store

import (
	"context"
	"database/sql"
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

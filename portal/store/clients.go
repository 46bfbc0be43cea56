package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

var (
	// ErrClientTaken means that there is a client with this id already.
	ErrClientTaken = errors.New("store: there is a client of this id")
	// ErrClientChanged means that a client has changed since it was read.
	ErrClientChanged = errors.New("store: the client changed meanwhile")
	// ErrClientDeclared means that a client is declared by the configuration and is changed there.
	ErrClientDeclared = errors.New("store: the client is declared by the configuration")
)

// Client is a registered client (RFC 6749 §2) as stored; see package clients.
type Client struct {
	ID                     string    `db:"id"`
	Name                   string    `db:"name"`
	SecretHash             string    `db:"secret_hash"` // hex of SHA-256; "" for a public client
	RedirectURIs           []string  `db:"redirect_uris"`
	PostLogoutRedirectURIs []string  `db:"post_logout_redirect_uris"`
	BackchannelLogoutURI   string    `db:"backchannel_logout_uri"`
	AuthMethod             string    `db:"auth_method"`
	GrantTypes             []string  `db:"grant_types"`
	Scopes                 []string  `db:"scopes"`
	Audiences              []string  `db:"audiences"`
	CreatedAt              time.Time `db:"created_at"`
	DisabledAt             time.Time `db:"disabled_at"` // zero: enabled
	Declared               bool      `db:"declared"`    // by the configuration
	Version                int64     `db:"version"`     // incremented with every change
}

// clientValues are the columns that values returns.
const clientValues = `name, secret_hash, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, auth_method, grant_types, scopes, audiences`

const selectClient = `SELECT id, ` + clientValues + `, created_at, disabled_at, declared, version FROM clients `

// values returns the client's changeable columns.
func (c Client) values() []any {
	var secret any
	if c.SecretHash != "" {
		secret = c.SecretHash
	}
	return []any{
		c.Name, secret, toList(c.RedirectURIs), toList(c.PostLogoutRedirectURIs),
		c.BackchannelLogoutURI, c.AuthMethod, toList(c.GrantTypes), toList(c.Scopes), toList(c.Audiences),
	}
}

// Clients returns all registered clients, by id.
func (s *Store) Clients(ctx context.Context) ([]Client, error) {
	return db.All[Client](ctx, s.db, "clients", selectClient+`ORDER BY id`)
}

// ClientChanges returns a number that increases with every change of a client.
func (s *Store) ClientChanges(ctx context.Context) (int64, error) {
	return db.One[int64](ctx, s.db, "client changes", `SELECT n FROM client_changes`)
}

// Client returns a registered client, disabled or not, or ErrNotFound.
func (s *Store) Client(ctx context.Context, id string) (Client, error) {
	return db.One[Client](ctx, s.db, "client "+id, selectClient+`WHERE id = ?`, id)
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
	rows, err := db.All[Client](ctx, s.db, "clients", selectClient+`WHERE `+where+` ORDER BY `+order+` LIMIT ?`, append(args, q.Limit+1)...)
	page, more = trimPage(rows, q.Limit, q.Before != "")
	return page, more, err
}

// likeEscaper escapes the wildcards of LIKE.
var likeEscaper = strings.NewReplacer("~", "~~", "%", "~%", "_", "~_")

// DeclareClients creates or updates the clients of these ids as declared, writing only differences. Other clients
// keep their data, but are no longer marked as declared. Whether a client is disabled is not part of its
// declaration. It returns the number of rows written.
func (s *Store) DeclareClients(ctx context.Context, declared []Client, now time.Time) (written int, err error) {
	// Most starts change nothing: check before taking the write lock.
	stored, err := s.Clients(ctx)
	if err != nil {
		return 0, err
	}
	changed, dropped := compareDeclared(declared, stored)
	if len(changed)+len(dropped) == 0 {
		return 0, nil
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, c := range changed {
			if _, err := insertClient(ctx, tx, c, now, true, `ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret_hash = excluded.secret_hash,
				redirect_uris = excluded.redirect_uris, post_logout_redirect_uris = excluded.post_logout_redirect_uris,
				backchannel_logout_uri = excluded.backchannel_logout_uri, auth_method = excluded.auth_method,
				grant_types = excluded.grant_types, scopes = excluded.scopes, audiences = excluded.audiences,
				declared = excluded.declared, version = clients.version + 1`); err != nil {
				return err
			}
		}
		for _, id := range dropped {
			if err := db.Exec(ctx, tx, "client "+id+" is no longer declared", `UPDATE clients SET declared = ?, version = version + 1 WHERE id = ?`, false, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(changed) + len(dropped), nil
}

// insertClient inserts c, and returns the number of rows that it changes.
func insertClient(ctx context.Context, tx *sqlx.Tx, c Client, created time.Time, declared bool, onConflict string) (int, error) {
	args := append(append([]any{c.ID}, c.values()...), db.Millis(created), declared)
	return db.Change(ctx, tx, "add client "+c.ID, `INSERT INTO clients (id, `+clientValues+`, created_at, declared)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) `+onConflict, args...)
}

// compareDeclared returns the declarations to write, and the ids of the clients that are no longer declared.
func compareDeclared(declared, stored []Client) (changed []Client, dropped []string) {
	byID := make(map[string]Client, len(stored))
	for _, c := range stored {
		byID[c.ID] = c
	}
	for _, c := range declared {
		if old, ok := byID[c.ID]; !ok || !old.Declared || !slices.Equal(old.values(), c.values()) {
			changed = append(changed, c)
		}
		delete(byID, c.ID)
	}
	for _, c := range stored {
		if _, rest := byID[c.ID]; rest && c.Declared {
			dropped = append(dropped, c.ID)
		}
	}
	return changed, dropped
}

// AddClient returns the change that registers c, enabled. It fails with ErrClientTaken if the id is taken.
func AddClient(c Client) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := insertClient(ctx, tx, c, c.CreatedAt, false, `ON CONFLICT DO NOTHING`)
		if err == nil && n == 0 {
			return ErrClientTaken
		}
		return err
	}}
}

// EditClient returns the change that replaces version c.Version of a client by c, except whether it is disabled. It
// fails with ErrNotFound, ErrClientDeclared or ErrClientChanged.
func EditClient(c Client) Change {
	return changeClient(c.ID, true, `name = ?, secret_hash = ?, redirect_uris = ?, post_logout_redirect_uris = ?, backchannel_logout_uri = ?,
		auth_method = ?, grant_types = ?, scopes = ?, audiences = ?, version = version + 1 WHERE id = ? AND version = ? AND NOT declared`,
		append(c.values(), c.ID, c.Version)...)
}

// DisableClient returns the change that disables a client at that time: it then gets nothing but logout notices. It
// fails with ErrNotFound, or ErrClientChanged if the client is disabled already.
func DisableClient(id string, at time.Time) Change {
	return changeClient(id, false, `disabled_at = ?, version = version + 1 WHERE id = ? AND disabled_at IS NULL`, db.Millis(at), id)
}

// EnableClient returns the change that reverts DisableClient. It fails with ErrNotFound, or ErrClientChanged if the
// client is enabled already.
func EnableClient(id string) Change {
	return changeClient(id, false, `disabled_at = NULL, version = version + 1 WHERE id = ? AND disabled_at IS NOT NULL`, id)
}

// changeClient returns the change that updates a client. If it matches no row, it fails with ErrNotFound,
// ErrClientDeclared (only if undeclared is required) or ErrClientChanged.
func changeClient(id string, undeclared bool, set string, args ...any) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := db.Change(ctx, tx, "change client "+id, `UPDATE clients SET `+set, args...)
		if err != nil || n > 0 {
			return err
		}
		declared, err := db.One[bool](ctx, tx, "client "+id, `SELECT declared FROM clients WHERE id = ?`, id)
		switch {
		case err != nil:
			return err
		case declared && undeclared:
			return ErrClientDeclared
		}
		return ErrClientChanged
	}}
}

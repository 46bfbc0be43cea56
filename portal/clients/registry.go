package clients

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/portal/store"
)

// fresh is for how long the clients in memory are used without a look at the
// database: how late a change made elsewhere may be noticed.
const fresh = 5 * time.Second

// Records is the part of the store that the registry needs.
type Records interface {
	Clients(ctx context.Context) ([]store.Client, error)
	Client(ctx context.Context, id string) (store.Client, error)
	ClientPage(ctx context.Context, q store.ClientQuery) (page []store.Client, more bool, err error)
	DeclareClients(ctx context.Context, declared []store.Client, now time.Time) (written int, err error)
	Apply(ctx context.Context, changes ...store.Change) error
}

// Deps are what a Registry needs. Declared may be empty.
type Deps struct {
	Records   Records
	Declared  []Client // by the configuration
	PlainHTTP bool     // browsers reach the estate without TLS, so that clients may be so, too
	Now       func() time.Time
	Logger    *slog.Logger
}

// Registry serves the registered clients from memory. It is safe for concurrent use.
type Registry struct {
	Deps
	loaded  atomic.Pointer[snapshot]
	loading sync.Mutex
}

type snapshot struct {
	byID   map[string]Client
	scopes map[string]bool // that any client may ask for
	at     time.Time
}

// NewRegistry declares the given clients in the database, where they differ from
// what is there, and loads all.
func NewRegistry(ctx context.Context, d Deps) (*Registry, error) {
	if d.Records == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("clients: a registry needs a store, a clock and a logger")
	}
	rows := make([]store.Client, 0, len(d.Declared))
	seen := map[string]bool{}
	var errs []error
	for _, declared := range d.Declared {
		c, err := declared.Prepare(d.PlainHTTP)
		if err == nil && seen[c.ID] {
			err = fmt.Errorf("client %q: declared twice", c.ID)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		seen[c.ID] = true
		rows = append(rows, c.row())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if _, err := d.Records.DeclareClients(ctx, rows, d.Now()); err != nil {
		return nil, err
	}
	r := &Registry{Deps: d}
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Client is the enabled client of this id.
func (r *Registry) Client(ctx context.Context, id string) (Client, bool) {
	c, ok := r.current(ctx).byID[id]
	return c, ok && !c.Disabled
}

// KnowsScope says whether any client may ask for scope: others are not
// understood and therefore ignored (OpenID Connect Core §3.1.2.1).
func (r *Registry) KnowsScope(ctx context.Context, scope string) bool {
	return r.current(ctx).scopes[scope]
}

// Scopes are all scopes that any client may ask for, sorted.
func (r *Registry) Scopes(ctx context.Context) []string {
	var all []string
	for s := range r.current(ctx).scopes {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// current reloads what has grown old. One caller does so while the others use
// what there is; so do all while the database does not answer.
func (r *Registry) current(ctx context.Context) *snapshot {
	s := r.loaded.Load()
	if r.Now().Sub(s.at) < fresh || !r.loading.TryLock() {
		return s
	}
	defer r.loading.Unlock()
	if err := r.load(ctx); err != nil {
		if ctx.Err() == nil {
			r.Logger.Warn("clients were not reloaded", "error", err)
			stale := *s
			stale.at = r.Now() // ask again in a while, not in every request
			r.loaded.Store(&stale)
		}
		return s
	}
	return r.loaded.Load()
}

func (r *Registry) load(ctx context.Context) error {
	rows, err := r.Records.Clients(ctx)
	if err != nil {
		return err
	}
	s := &snapshot{byID: make(map[string]Client, len(rows)), scopes: map[string]bool{}, at: r.Now()}
	for _, row := range rows {
		s.byID[row.ID] = clientOf(row)
		for _, scope := range row.Scopes {
			s.scopes[scope] = true
		}
	}
	r.loaded.Store(s)
	return nil
}

func (c Client) row() store.Client {
	return store.Client{
		ID: c.ID, Name: c.Name, SecretHash: c.SecretSHA256, RedirectURIs: c.RedirectURIs,
		PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, BackchannelLogoutURI: c.BackchannelLogoutURI,
		AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, Scopes: c.Scopes, Audiences: c.Audiences,
		CreatedAt: c.CreatedAt, Version: c.Version,
	}
}

func clientOf(row store.Client) Client {
	return Client{
		ID: row.ID, Name: row.Name, SecretSHA256: row.SecretHash, RedirectURIs: row.RedirectURIs,
		PostLogoutRedirectURIs: row.PostLogoutRedirectURIs, BackchannelLogoutURI: row.BackchannelLogoutURI,
		AuthMethod: row.AuthMethod, GrantTypes: row.GrantTypes, Scopes: row.Scopes, Audiences: row.Audiences,
		Disabled: !row.DisabledAt.IsZero(), DisabledAt: row.DisabledAt, Declared: row.Declared,
		CreatedAt: row.CreatedAt, Version: row.Version,
	}
}

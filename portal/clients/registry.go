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

	"gatehouse.example/portal/store"
)

const (
	// refreshInterval is how often Run checks whether a client has changed.
	refreshInterval = time.Second
	// maxAge is the maximum age of the clients in memory: the longest delay until a change by another replica is
	// applied.
	maxAge = 5 * time.Second
)

// Records is the part of the store that the registry needs.
type Records interface {
	Clients(ctx context.Context) ([]store.Client, error)
	ClientChanges(ctx context.Context) (int64, error)
	Client(ctx context.Context, id string) (store.Client, error)
	ClientPage(ctx context.Context, q store.ClientQuery) (page []store.Client, more bool, err error)
	DeclareClients(ctx context.Context, declared []store.Client, now time.Time) (written int, err error)
	Apply(ctx context.Context, changes ...store.Change) error
}

// Deps are the dependencies of a Registry. Declared may be empty.
type Deps struct {
	Records   Records
	Declared  []Client // by the configuration
	PlainHTTP bool     // the estate has no TLS, so clients need none
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
	scopes map[string]bool // that some client may request
	at     time.Time
	// changes is the result of Records.ClientChanges before the clients were read.
	changes int64
}

// NewRegistry stores the declared clients that differ from those in the database, and loads all clients. It returns
// an error if a dependency is missing or a declaration is not valid.
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
			err = fmt.Errorf("client %q is declared twice", c.ID)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		seen[c.ID] = true
		rows = append(rows, c.toRow())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if _, err := d.Records.DeclareClients(ctx, rows, d.Now()); err != nil {
		return nil, err
	}
	r := &Registry{Deps: d}
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Client returns the enabled client with this id.
func (r *Registry) Client(ctx context.Context, id string) (Client, bool) {
	c, ok := r.current(ctx).byID[id]
	return c, ok && !c.Disabled
}

// KnowsScope reports whether any client may request scope. Other scopes are not understood and therefore ignored
// (OpenID Connect Core §3.1.2.1).
func (r *Registry) KnowsScope(ctx context.Context, scope string) bool {
	return r.current(ctx).scopes[scope]
}

// Scopes returns all scopes that any client may request, sorted.
func (r *Registry) Scopes(ctx context.Context) []string {
	var all []string
	for s := range r.current(ctx).scopes {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// Run applies changes made by other replicas until ctx ends. Then it returns nil.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := r.refresh(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failed := err != nil; failed != failing {
			if failing = failed; failed {
				r.Logger.Warn("cannot reload the clients", "error", err)
			}
		}
	}
}

// current returns the clients in memory. Only if Run is late, one request at a time checks for changes; the others
// use the clients in memory, as all do while the database does not answer.
func (r *Registry) current(ctx context.Context) *snapshot {
	s := r.loaded.Load()
	if r.Now().Sub(s.at) < maxAge || !r.loading.TryLock() {
		return s
	}
	defer r.loading.Unlock()
	if err := r.refreshLocked(ctx); err != nil && ctx.Err() == nil {
		r.Logger.Warn("cannot reload the clients", "error", err)
		stale := *s
		stale.at = r.Now() // do not retry in every request
		r.loaded.Store(&stale)
	}
	return r.loaded.Load()
}

// refresh loads the clients if any has changed.
func (r *Registry) refresh(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	return r.refreshLocked(ctx)
}

func (r *Registry) refreshLocked(ctx context.Context) error {
	changes, err := r.Records.ClientChanges(ctx)
	if err != nil {
		return err
	}
	if s := r.loaded.Load(); s != nil && s.changes == changes {
		same := *s
		same.at = r.Now()
		r.loaded.Store(&same)
		return nil
	}
	return r.loadLocked(ctx)
}

// loadLocked loads all clients. It reads the number of changes first, so that a concurrent change causes another
// load.
func (r *Registry) loadLocked(ctx context.Context) error {
	at := r.Now()
	changes, err := r.Records.ClientChanges(ctx)
	if err != nil {
		return err
	}
	rows, err := r.Records.Clients(ctx)
	if err != nil {
		return err
	}
	s := &snapshot{byID: make(map[string]Client, len(rows)), scopes: map[string]bool{}, at: at, changes: changes}
	for _, row := range rows {
		s.byID[row.ID] = fromRow(row)
		for _, scope := range row.Scopes {
			s.scopes[scope] = true
		}
	}
	r.loaded.Store(s)
	return nil
}

func (c Client) toRow() store.Client {
	return store.Client{
		ID: c.ID, Name: c.Name, SecretHash: c.SecretSHA256, RedirectURIs: c.RedirectURIs,
		PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, BackchannelLogoutURI: c.BackchannelLogoutURI,
		AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, Scopes: c.Scopes, Audiences: c.Audiences,
		CreatedAt: c.CreatedAt, Version: c.Version,
	}
}

func fromRow(row store.Client) Client {
	return Client{
		ID: row.ID, Name: row.Name, SecretSHA256: row.SecretHash, RedirectURIs: row.RedirectURIs,
		PostLogoutRedirectURIs: row.PostLogoutRedirectURIs, BackchannelLogoutURI: row.BackchannelLogoutURI,
		AuthMethod: row.AuthMethod, GrantTypes: row.GrantTypes, Scopes: row.Scopes, Audiences: row.Audiences,
		Disabled: !row.DisabledAt.IsZero(), DisabledAt: row.DisabledAt, Declared: row.Declared,
		CreatedAt: row.CreatedAt, Version: row.Version,
	}
}

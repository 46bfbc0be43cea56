package clients

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"gatehouse/portal/store"
)

// What the functions below may return, besides Faults.
var (
	ErrNotFound = store.ErrNotFound
	ErrTaken    = store.ErrClientTaken    // there is a client of this id
	ErrChanged  = store.ErrClientChanged  // somebody else was faster
	ErrDeclared = store.ErrClientDeclared // it is changed in the configuration
)

// A Note is stored in the transaction of a change: a line of the audit. before is
// the zero Client of a new one.
type Note func(before, after Client) store.Change

// Find is the client as the database has it now, disabled or not, or ErrNotFound.
func (r *Registry) Find(ctx context.Context, id string) (Client, error) {
	row, err := r.Records.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return clientOf(row), nil
}

// Page is a page of the clients as the database has them now, and whether there are
// more in the direction that was asked for.
func (r *Registry) Page(ctx context.Context, q store.ClientQuery) (page []Client, more bool, err error) {
	rows, more, err := r.Records.ClientPage(ctx, q)
	if err != nil {
		return nil, false, err
	}
	page = make([]Client, len(rows))
	for i, row := range rows {
		page[i] = clientOf(row)
	}
	return page, more, nil
}

// createdID is what the id of a client that is created here looks like: it stands in addresses as it is.
var createdID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Create registers c and returns its secret, which is known nowhere else: what is
// stored is a hash. A public client has none. It returns Faults or ErrTaken.
func (r *Registry) Create(ctx context.Context, c Client, note Note) (Client, string, error) {
	secret := ""
	if c.Secret, c.SecretSHA256 = "", ""; c.AuthMethod != Public {
		secret = newSecret()
		c.SecretSHA256 = hashOf(secret)
	}
	var wrongID error
	if !createdID.MatchString(c.ID) || c.ID == "new" {
		wrongID = faulty("client_id", "Use up to 100 letters, digits, dots, dashes and underscores, beginning with a letter or a digit. The word new is taken.")
		c.ID = "new" // what else is wrong is said, too
	}
	c, err := c.Prepare(r.PlainHTTP)
	if err := errors.Join(wrongID, err); err != nil {
		return Client{}, "", err
	}
	c.CreatedAt, c.Version = r.Now(), 1
	if err := r.apply(ctx, Client{}, c, note, store.AddClient(c.row())); err != nil {
		return Client{}, "", err
	}
	return c, secret, nil
}

// Edit stores c in the place of the version c.Version of it. A client that has a
// secret keeps it; one that needs its first gets it here, and one that becomes
// public loses it. It returns Faults, ErrNotFound, ErrDeclared or ErrChanged.
func (r *Registry) Edit(ctx context.Context, c Client, note Note) (Client, string, error) {
	before, err := r.editable(ctx, c.ID, c.Version)
	if err != nil {
		return before, "", err
	}
	secret := ""
	switch c.Secret, c.SecretSHA256 = "", before.SecretSHA256; {
	case c.AuthMethod == Public:
		c.SecretSHA256 = ""
	case c.SecretSHA256 == "":
		secret = newSecret()
		c.SecretSHA256 = hashOf(secret)
	}
	c, err = c.Prepare(r.PlainHTTP)
	if err != nil {
		return before, "", err
	}
	c.CreatedAt, c.Disabled, c.DisabledAt = before.CreatedAt, before.Disabled, before.DisabledAt
	if err := r.apply(ctx, before, c, note, store.EditClient(c.row())); err != nil {
		return before, "", err
	}
	c.Version++
	return c, secret, nil
}

// RotateSecret gives the version version of a client a new secret and returns it.
// The old one stops at once, here; within five seconds at every other replica. It
// returns Faults, ErrNotFound, ErrDeclared or ErrChanged.
func (r *Registry) RotateSecret(ctx context.Context, id string, version int64, note Note) (Client, string, error) {
	before, err := r.editable(ctx, id, version)
	if err != nil {
		return before, "", err
	}
	if before.AuthMethod == Public {
		return before, "", faulty("client_secret", "A public client has no secret.")
	}
	secret, c := newSecret(), before
	c.SecretSHA256 = hashOf(secret)
	if err := r.apply(ctx, before, c, note, store.EditClient(c.row())); err != nil {
		return before, "", err
	}
	c.Version++
	return c, secret, nil
}

// Disable refuses a client everything but logout notices, here at once and within
// five seconds at every other replica. It returns ErrNotFound, or ErrChanged if it
// is disabled already.
func (r *Registry) Disable(ctx context.Context, id string, note Note) (Client, error) {
	return r.flip(ctx, id, note, true)
}

// Enable undoes Disable. It returns ErrNotFound, or ErrChanged if the client is
// enabled already.
func (r *Registry) Enable(ctx context.Context, id string, note Note) (Client, error) {
	return r.flip(ctx, id, note, false)
}

func (r *Registry) flip(ctx context.Context, id string, note Note, disabled bool) (Client, error) {
	before, err := r.Find(ctx, id)
	if err != nil {
		return before, err
	}
	after, change := before, store.EnableClient(id)
	after.Disabled = disabled
	if disabled {
		change = store.DisableClient(id, r.Now())
	}
	return after, r.apply(ctx, before, after, note, change)
}

func (r *Registry) editable(ctx context.Context, id string, version int64) (Client, error) {
	c, err := r.Find(ctx, id)
	switch {
	case err != nil:
		return c, err
	case c.Declared:
		return c, ErrDeclared
	case c.Version != version:
		return c, ErrChanged
	}
	return c, nil
}

// apply stores a change, and serves it here at once.
func (r *Registry) apply(ctx context.Context, before, after Client, note Note, change store.Change) error {
	changes := []store.Change{change}
	if note != nil {
		changes = append(changes, note(before, after))
	}
	if err := r.Records.Apply(ctx, changes...); err != nil {
		return fmt.Errorf("clients: %s: %w", after.ID, err)
	}
	r.loading.Lock()
	defer r.loading.Unlock()
	if err := r.loadLocked(ctx); err != nil && ctx.Err() == nil {
		r.Logger.Warn("clients were not reloaded after a change", "error", err)
	}
	return nil
}

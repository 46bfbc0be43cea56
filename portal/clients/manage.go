package clients

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"gatehouse.example/portal/store"
)

// Errors of the methods below, besides Faults.
var (
	ErrNotFound = store.ErrNotFound
	ErrTaken    = store.ErrClientTaken    // there is a client with this id
	ErrChanged  = store.ErrClientChanged  // it was changed concurrently
	ErrDeclared = store.ErrClientDeclared // it is changed in the configuration
)

// AuditFunc returns the audit row that is stored in the transaction of a change. before is the zero Client for a new
// client.
type AuditFunc func(before, after Client) store.Change

// Load returns a client from the database, disabled or not, or ErrNotFound.
func (r *Registry) Load(ctx context.Context, id string) (Client, error) {
	row, err := r.Records.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return fromRow(row), nil
}

// Page returns a page of the clients in the database, and whether there are more in the requested direction.
func (r *Registry) Page(ctx context.Context, q store.ClientQuery) (page []Client, more bool, err error) {
	rows, more, err := r.Records.ClientPage(ctx, q)
	if err != nil {
		return nil, false, err
	}
	page = make([]Client, len(rows))
	for i, row := range rows {
		page[i] = fromRow(row)
	}
	return page, more, nil
}

// createdID matches the ids of clients that are created in the console. They need no escaping in a URL.
var createdID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Create registers c and returns it with its secret, of which only a hash is stored. A public client has no secret.
// It returns Faults or ErrTaken.
func (r *Registry) Create(ctx context.Context, c Client, note AuditFunc) (Client, string, error) {
	secret := ""
	if c.Secret, c.SecretSHA256 = "", ""; c.AuthMethod != Public {
		secret = newSecret()
		c.SecretSHA256 = hashSecret(secret)
	}
	var wrongID error
	if !createdID.MatchString(c.ID) || c.ID == "new" {
		wrongID = newFault("client_id", `Enter an ID of up to 100 letters, digits, dots, dashes and underscores, starting with a letter or digit. "new" isn't available.`)
		c.ID = "new" // so that Prepare reports the other faults, too
	}
	c, err := c.Prepare(r.PlainHTTP)
	if err := errors.Join(wrongID, err); err != nil {
		return Client{}, "", err
	}
	c.CreatedAt, c.Version = r.Now(), 1
	if err := r.storeChange(ctx, Client{}, c, note, store.AddClient(c.toRow())); err != nil {
		return Client{}, "", err
	}
	return c, secret, nil
}

// Edit replaces version c.Version of the client by c. A client keeps its secret. Edit creates and returns a secret
// if the client needs its first, and removes it if the client becomes public. It returns Faults, ErrNotFound,
// ErrDeclared or ErrChanged.
func (r *Registry) Edit(ctx context.Context, c Client, note AuditFunc) (Client, string, error) {
	before, err := r.loadEditable(ctx, c.ID, c.Version)
	if err != nil {
		return before, "", err
	}
	secret := ""
	switch c.Secret, c.SecretSHA256 = "", before.SecretSHA256; {
	case c.AuthMethod == Public:
		c.SecretSHA256 = ""
	case c.SecretSHA256 == "":
		secret = newSecret()
		c.SecretSHA256 = hashSecret(secret)
	}
	c, err = c.Prepare(r.PlainHTTP)
	if err != nil {
		return before, "", err
	}
	c.CreatedAt, c.Disabled, c.DisabledAt = before.CreatedAt, before.Disabled, before.DisabledAt
	if err := r.storeChange(ctx, before, c, note, store.EditClient(c.toRow())); err != nil {
		return before, "", err
	}
	c.Version++
	return c, secret, nil
}

// RotateSecret replaces the secret of the given version of a client and returns the new one. The old one is refused
// immediately by this replica, and within five seconds by every other. It returns Faults, ErrNotFound, ErrDeclared
// or ErrChanged.
func (r *Registry) RotateSecret(ctx context.Context, id string, version int64, note AuditFunc) (Client, string, error) {
	before, err := r.loadEditable(ctx, id, version)
	if err != nil {
		return before, "", err
	}
	if before.AuthMethod == Public {
		return before, "", newFault("client_secret", "A public client has no secret.")
	}
	secret, c := newSecret(), before
	c.SecretSHA256 = hashSecret(secret)
	if err := r.storeChange(ctx, before, c, note, store.EditClient(c.toRow())); err != nil {
		return before, "", err
	}
	c.Version++
	return c, secret, nil
}

// SetDisabled disables or enables a client. A disabled client is refused everything but logout notices, immediately at
// this replica and within five seconds at every other. It returns ErrNotFound, or ErrChanged if the client is in that
// state already.
func (r *Registry) SetDisabled(ctx context.Context, id string, disabled bool, note AuditFunc) (Client, error) {
	before, err := r.Load(ctx, id)
	if err != nil {
		return before, err
	}
	after, change := before, store.EnableClient(id)
	after.Disabled = disabled
	if disabled {
		change = store.DisableClient(id, r.Now())
	}
	return after, r.storeChange(ctx, before, after, note, change)
}

func (r *Registry) loadEditable(ctx context.Context, id string, version int64) (Client, error) {
	c, err := r.Load(ctx, id)
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

// storeChange stores a change, and reloads the clients of this replica. A failed reload is only logged.
func (r *Registry) storeChange(ctx context.Context, before, after Client, note AuditFunc, change store.Change) error {
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
		r.Logger.Warn("cannot reload the clients after a change", "error", err)
	}
	return nil
}

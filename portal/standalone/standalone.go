package standalone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"

	"gatehouse.example/db"
	"gatehouse.example/portal"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

// Options are the accounts and clients of the portal.
type Options struct {
	Folder   string // for its database
	Accounts []Account
	Clients  []Client
}

// Account is a user account.
type Account struct{ Name, Email, Password string }

// Client is a registered app: a relying party of package rp at BaseURL.
type Client struct{ ID, Name, Secret, BaseURL string }

// Portal is a running portal.
type Portal struct {
	Issuer string

	server *http.Server
	cancel context.CancelFunc
	work   sync.WaitGroup
	db     *db.DB
}

// openTimeout is the timeout of Open.
const openTimeout = 20 * time.Second

// cheapHash are the parameters of the passwords' hashes. They need no strength: the passwords are made up by the caller
// of Open.
var cheapHash = argon2id.Params{Memory: 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Open starts a portal. Redis, Logger and HTTPClient of d are required, and the caller keeps Redis. Open sets DB,
// Estate, Replica, Key, Clients, Denied and Passwords. It returns an error if one of them or the folder is missing, or
// if the portal does not start within 20 s.
func Open(ctx context.Context, d portal.Deps, o Options) (_ *Portal, err error) {
	if d.Redis == nil || d.Logger == nil || d.HTTPClient == nil || o.Folder == "" {
		return nil, errors.New("standalone: Redis, a logger, an HTTP client and a folder are required")
	}
	starting, started := context.WithTimeout(ctx, openTimeout)
	defer started()
	ln, err := (&net.ListenConfig{}).Listen(starting, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("standalone: %w", err)
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	p := &Portal{cancel: end}
	defer func() {
		if err != nil {
			_ = ln.Close()
			_ = p.Close()
		}
	}()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("standalone: %w", err)
	}
	if d.Estate, err = web.ParseEstate("http://localhost:" + port); err != nil {
		return nil, err
	}
	p.Issuer = d.Estate.URL("portal")
	if d.Denied, err = denylist.NewMirror(denylist.Options{Redis: d.Redis, Service: "portal", Replica: "portal-1", Logger: d.Logger}); err != nil {
		return nil, err
	}
	p.work.Go(func() { _ = d.Denied.Run(running) })
	if p.db, err = openDatabase(starting, o); err != nil {
		return nil, err
	}
	d.DB, d.Replica, d.Key, d.Clients, d.Passwords = p.db, "portal-1", randomKey(), declareClients(o.Clients), password.Options{Params: cheapHash, Slots: 1}
	app, err := portal.New(starting, d)
	if err != nil {
		return nil, err
	}
	p.server = &http.Server{Handler: app.Handler(), ReadHeaderTimeout: 5 * time.Second}
	p.work.Go(func() { _ = app.Run(running) })
	p.work.Go(func() { _ = p.server.Serve(ln) })
	return p, awaitDenylist(starting, d.Denied)
}

// openDatabase creates the database with the accounts.
func openDatabase(ctx context.Context, o Options) (*db.DB, error) {
	d, err := db.Open(ctx, "sqlite:"+o.Folder, "portal")
	if err != nil {
		return nil, err
	}
	if err := seedAccounts(ctx, d, o); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func seedAccounts(ctx context.Context, d *db.DB, o Options) error {
	if err := d.Migrate(ctx); err != nil {
		return err
	}
	records, err := store.New(d)
	if err != nil {
		return err
	}
	hasher, err := password.NewHasher(password.Options{Params: cheapHash, Slots: 1})
	if err != nil {
		return err
	}
	now := time.Now()
	var users []store.User
	for _, a := range o.Accounts {
		email, normalised, err := account.NormaliseEmail(a.Email)
		if err != nil {
			return err
		}
		hash, err := hasher.Hash(ctx, a.Password)
		if err != nil {
			return err
		}
		users = append(users, store.User{
			ID: rand.Text(), Name: a.Name, Email: email, EmailNormalised: normalised, PasswordHash: hash,
			Roles: []string{"customer"}, CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
		})
	}
	return records.SeedUsers(ctx, users)
}

func declareClients(list []Client) []portal.Client {
	out := make([]portal.Client, len(list))
	for i, c := range list {
		out[i] = portal.AppClient(c.ID, c.Name, c.Secret, c.BaseURL)
	}
	return out
}

func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// awaitDenylist waits until the portal has loaded the denylist: until then it refuses all sessions.
func awaitDenylist(ctx context.Context, m *denylist.Mirror) error {
	for {
		err := m.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("standalone: %w", err)
		case <-time.After(time.Millisecond):
		}
	}
}

// Close stops the portal. It may be called twice.
func (p *Portal) Close() error {
	p.cancel()
	if p.server != nil {
		_ = p.server.Close()
	}
	p.work.Wait()
	if p.db == nil {
		return nil
	}
	return p.db.Close()
}

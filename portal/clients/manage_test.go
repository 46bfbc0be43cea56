package clients_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/tests/env"
)

// open is a replica's registry on d, whose clock stands still.
func open(t *testing.T, d *db.DB, plain bool, declared ...clients.Client) *clients.Registry {
	t.Helper()
	s, err := store.New(d)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	r, err := clients.NewRegistry(t.Context(), clients.Deps{
		Records: s, Declared: declared, PlainHTTP: plain, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func created(id string) clients.Client {
	return clients.Client{ID: id, RedirectURIs: []string{"https://" + id + ".test/cb"}}
}

func TestRegistry_CreateEditRotate(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		r := open(t, d, false)
		c, secret, err := r.Create(t.Context(), created("made"), nil)
		if err != nil || len(secret) < 40 || c.Secret != "" || c.Version != 1 {
			t.Fatalf("%+v, %q, %v", c, secret, err)
		}
		if served, ok := r.Client(t.Context(), "made"); !ok || !served.HasSecret(secret) || served.Declared {
			t.Errorf("it is not served at once: %+v, %v", served, ok)
		}
		var stored string
		if err := d.GetContext(t.Context(), &stored, `SELECT secret_hash FROM clients`); err != nil || strings.Contains(stored, secret) {
			t.Errorf("what is stored is %q, %v", stored, err)
		}
		if _, _, err := r.Create(t.Context(), created("made"), nil); !errors.Is(err, clients.ErrTaken) {
			t.Errorf("created twice: %v", err)
		}

		c.Name, c.Scopes = "Renamed", []string{"openid", "more"}
		edited, none, err := r.Edit(t.Context(), c, nil)
		if err != nil || none != "" || edited.Version != 2 {
			t.Fatalf("%+v, %q, %v", edited, none, err)
		}
		if served, _ := r.Client(t.Context(), "made"); served.Name != "Renamed" || !served.HasSecret(secret) || served.Version != 2 {
			t.Errorf("after an edit: %+v", served)
		}
		if _, _, err := r.Edit(t.Context(), c, nil); !errors.Is(err, clients.ErrChanged) {
			t.Errorf("an edit of what has changed: %v", err)
		}
		if _, _, err := r.RotateSecret(t.Context(), "made", 1, nil); !errors.Is(err, clients.ErrChanged) {
			t.Errorf("a new secret for what has changed: %v", err)
		}
		edited.RedirectURIs = []string{"http://made.test/cb"}
		if _, _, err := r.Edit(t.Context(), edited, nil); clients.FaultsOf(err)["redirect_uris"] == "" {
			t.Errorf("plain http in an estate with TLS: %v", err)
		}

		_, second, err := r.RotateSecret(t.Context(), "made", 2, nil)
		if err != nil || second == secret {
			t.Fatalf("%q, %v", second, err)
		}
		if served, _ := r.Client(t.Context(), "made"); served.HasSecret(secret) || !served.HasSecret(second) || served.Name != "Renamed" {
			t.Errorf("after a new secret: %+v", served)
		}
		if _, _, err := r.RotateSecret(t.Context(), "nobody", 1, nil); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("a secret for nobody: %v", err)
		}
	})
}

// A client that becomes public loses its secret, and one that needs its first gets it.
func TestRegistry_SecretFollowsTheMethod(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		r := open(t, d, false)
		public := created("app")
		public.AuthMethod = clients.Public
		c, secret, err := r.Create(t.Context(), public, nil)
		if err != nil || secret != "" {
			t.Fatalf("%q, %v", secret, err)
		}
		if _, _, err := r.RotateSecret(t.Context(), "app", 1, nil); clients.FaultsOf(err)["client_secret"] == "" {
			t.Errorf("a secret for a public client: %v", err)
		}
		c.AuthMethod = clients.SecretPost
		c, secret, err = r.Edit(t.Context(), c, nil)
		if served, _ := r.Client(t.Context(), "app"); err != nil || !served.HasSecret(secret) {
			t.Fatalf("%q, %v", secret, err)
		}
		c.AuthMethod = clients.Public
		if _, none, err := r.Edit(t.Context(), c, nil); err != nil || none != "" {
			t.Fatalf("%q, %v", none, err)
		}
		if served, _ := r.Client(t.Context(), "app"); served.SecretSHA256 != "" || served.HasSecret(secret) {
			t.Errorf("it kept its secret: %+v", served)
		}
	})
}

func TestRegistry_CreateRefuses(t *testing.T) {
	r := open(t, env.DB(t, "portal"), false)
	for _, id := range []string{"", "new", ".", "..", "-a", "a b", "a/b", "a?b", "ä", strings.Repeat("a", 101)} {
		_, _, err := r.Create(t.Context(), clients.Client{ID: id}, nil)
		if faults := clients.FaultsOf(err); faults["client_id"] == "" || faults["redirect_uris"] == "" {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// What is declared is changed where it is declared; disabling it survives the next start.
func TestRegistry_Declared(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		r := open(t, d, false, good())
		c, err := r.Load(t.Context(), "app")
		if err != nil || !c.Declared {
			t.Fatalf("%+v, %v", c, err)
		}
		c.Name = "Mine"
		if _, _, err := r.Edit(t.Context(), c, nil); !errors.Is(err, clients.ErrDeclared) {
			t.Errorf("edited: %v", err)
		}
		if _, _, err := r.RotateSecret(t.Context(), "app", c.Version, nil); !errors.Is(err, clients.ErrDeclared) {
			t.Errorf("new secret: %v", err)
		}
		if _, err := r.SetDisabled(t.Context(), "app", true, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := r.SetDisabled(t.Context(), "app", true, nil); !errors.Is(err, clients.ErrChanged) {
			t.Errorf("disabled twice: %v", err)
		}
		changed := good()
		changed.Name = "Newly configured"
		again := open(t, d, false, changed)
		if _, ok := again.Client(t.Context(), "app"); ok {
			t.Error("the next start enabled it")
		}
		if c, err := again.Load(t.Context(), "app"); err != nil || c.Name != "Newly configured" || c.DisabledAt.IsZero() {
			t.Errorf("%+v, %v", c, err)
		}
		if _, err := again.SetDisabled(t.Context(), "app", false, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := again.SetDisabled(t.Context(), "app", false, nil); !errors.Is(err, clients.ErrChanged) {
			t.Errorf("enabled twice: %v", err)
		}
		if _, ok := again.Client(t.Context(), "app"); !ok {
			t.Error("it is not served at once")
		}
		if _, err := again.SetDisabled(t.Context(), "nobody", true, nil); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("nobody was disabled: %v", err)
		}
		// Once the configuration drops it, it may be edited here.
		after := open(t, d, false)
		c, err = after.Load(t.Context(), "app")
		if err != nil || c.Declared {
			t.Fatalf("%+v, %v", c, err)
		}
		c.Name = "Mine now"
		if _, _, err := after.Edit(t.Context(), c, nil); err != nil {
			t.Error(err)
		}
	})
}

// Of forms that are sent at once, one is stored.
func TestRegistry_EditsAtOnce(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		r := open(t, d, false)
		c, _, err := r.Create(t.Context(), created("app"), nil)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		secrets := []string{}
		for range 8 {
			wg.Go(func() {
				_, secret, err := r.RotateSecret(t.Context(), "app", c.Version, nil)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					secrets = append(secrets, secret)
				} else if !errors.Is(err, clients.ErrChanged) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if served, _ := r.Client(t.Context(), "app"); len(secrets) != 1 || !served.HasSecret(secrets[0]) {
			t.Errorf("%d secrets were made", len(secrets))
		}
	})
}

// The note is stored with the change, or neither is.
func TestRegistry_NoteInTheSameTransaction(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		r := open(t, d, false, good())
		fails := func(clients.Client, clients.Client) store.Change { return store.EnableClient("nobody") }
		if _, _, err := r.Create(t.Context(), created("made"), fails); err == nil {
			t.Error("created without its note")
		}
		if _, err := r.SetDisabled(t.Context(), "app", true, fails); err == nil {
			t.Error("disabled without its note")
		}
		if _, err := r.Load(t.Context(), "made"); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("something was stored: %v", err)
		}
		if _, ok := r.Client(t.Context(), "app"); !ok {
			t.Error("it was disabled")
		}
		saw := false
		note := func(before, after clients.Client) store.Change {
			saw = before.ID == "app" && !before.Disabled && after.Disabled
			return store.AddClient(store.Client{ID: "noted", CreatedAt: time.Now()})
		}
		if _, err := r.SetDisabled(t.Context(), "app", true, note); err != nil || !saw {
			t.Errorf("%v, noted: %v", err, saw)
		}
		if _, err := r.Load(t.Context(), "noted"); err != nil {
			t.Error(err)
		}
	})
}

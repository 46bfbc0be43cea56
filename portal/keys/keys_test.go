package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/store"
	"gatehouse.example/tests/env"
)

var secret = bytes.Repeat([]byte{1}, keys.SecretSize)

const (
	tokenLife = 5 * time.Minute
	hintLife  = 7 * 24 * time.Hour
)

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Millisecond)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func deps(d *db.DB, c *clock) (keys.Deps, error) {
	s, err := store.New(d)
	return keys.Deps{
		Records: s, Secret: secret, TokenLife: tokenLife, HintLife: hintLife, Now: c.now, Logger: slog.New(slog.DiscardHandler),
	}, err
}

// replica is one that starts on d.
func replica(t *testing.T, d *db.DB, c *clock) *keys.Manager {
	t.Helper()
	all, err := deps(d, c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := keys.Open(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpen_ReplicasAtOnce(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		all, err := deps(d, newClock())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		managers := make(chan *keys.Manager, 4)
		for range cap(managers) {
			wg.Go(func() {
				r, err := keys.Open(t.Context(), all)
				if err != nil {
					t.Error(err)
					return
				}
				managers <- r
			})
		}
		wg.Wait()
		close(managers)
		first := <-managers
		for other := range managers {
			if !bytes.Equal(other.JWKS(), first.JWKS()) {
				t.Error("two replicas publish different keys")
			}
		}
		if n := len(first.KIDs()); n != 2 {
			t.Errorf("%d keys are published", n)
		}
	})
}

func TestOpen_WrongSecret(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		all, err := deps(d, newClock())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		other := all
		other.Secret = bytes.Repeat([]byte{2}, keys.SecretSize)
		if _, err := keys.Open(t.Context(), other); !errors.Is(err, keys.ErrSecret) {
			t.Errorf("another secret: %v", err)
		}
		other.Secret = secret[:16]
		if _, err := keys.Open(t.Context(), other); err == nil {
			t.Error("a short secret was accepted")
		}
		var rows []string
		if err := d.SelectContext(t.Context(), &rows, `SELECT private_pem_encrypted FROM signing_keys`); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if strings.Contains(r, "PRIVATE") {
				t.Error("a private key lies in the clear")
			}
		}
		// One row's key does not stand in for another's.
		if _, err := d.ExecContext(t.Context(), d.Rebind(`UPDATE signing_keys SET private_pem_encrypted = ? WHERE private_pem_encrypted = ?`), rows[0], rows[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(t.Context(), all); !errors.Is(err, keys.ErrSecret) {
			t.Errorf("exchanged keys: %v", err)
		}
	})
}

func TestOpen_RefusesWhatIsMissing(t *testing.T) {
	all, err := deps(env.DB(t, "portal"), newClock())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*keys.Deps){
		"store":      func(d *keys.Deps) { d.Records = nil },
		"clock":      func(d *keys.Deps) { d.Now = nil },
		"logger":     func(d *keys.Deps) { d.Logger = nil },
		"token life": func(d *keys.Deps) { d.TokenLife = 0 },
		"hint life":  func(d *keys.Deps) { d.HintLife = 0 },
	} {
		d := all
		change(&d)
		if _, err := keys.Open(t.Context(), d); err == nil {
			t.Errorf("it opened without %s", name)
		}
	}
}

func TestJWKS_Form(t *testing.T) {
	c := newClock()
	r := replica(t, env.DB(t, "portal"), c)
	if _, err := r.Rotate(t.Context(), keys.ES256, nil); err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 3 {
		t.Errorf("%d keys are published", len(set.Keys))
	}
	for _, k := range set.Keys {
		if k["use"] != "sig" || len(k["kid"]) != 43 || k["d"] != "" || (k["kty"] == "EC" && (len(k["x"]) != 43 || len(k["y"]) != 43)) {
			t.Errorf("key %v", k)
		}
	}
}

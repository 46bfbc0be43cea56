package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/db"
	"gatehouse/portal/keys"
	"gatehouse/portal/store"
	"gatehouse/tests/env"
)

var secret = bytes.Repeat([]byte{1}, keys.SecretSize)

func TestOpen_ReplicasAtOnce(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		rings := make(chan *keys.Ring, 4)
		for range cap(rings) {
			wg.Go(func() {
				ring, err := keys.Open(t.Context(), s, secret, time.Now())
				if err != nil {
					t.Error(err)
				}
				rings <- ring
			})
		}
		wg.Wait()
		first := <-rings
		for range cap(rings) - 1 {
			if other := <-rings; !bytes.Equal(other.JWKS(), first.JWKS()) {
				t.Error("two replicas publish different keys")
			}
		}
		if n := len(first.Published()); n != 2 {
			t.Errorf("%d keys are published", n)
		}
	})
}

func TestOpen_WrongSecret(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(t.Context(), s, secret, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(t.Context(), s, bytes.Repeat([]byte{2}, keys.SecretSize), time.Now()); !errors.Is(err, keys.ErrSecret) {
			t.Errorf("another secret: %v", err)
		}
		if _, err := keys.Open(t.Context(), s, secret[:16], time.Now()); err == nil {
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
		if _, err := keys.Open(t.Context(), s, secret, time.Now()); !errors.Is(err, keys.ErrSecret) {
			t.Errorf("exchanged keys: %v", err)
		}
	})
}

func TestOpen_KeysThatNoLongerSign(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		old, err := keys.Open(t.Context(), s, secret, now)
		if err != nil {
			t.Fatal(err)
		}
		end := db.Millis(now.Add(time.Hour))
		if _, err := d.ExecContext(t.Context(), d.Rebind(`UPDATE signing_keys SET active = ?, not_after = ? WHERE alg = ?`), false, end, keys.ES256); err != nil {
			t.Fatal(err)
		}
		ring, err := keys.Open(t.Context(), s, secret, now)
		if err != nil {
			t.Fatal(err)
		}
		was, _ := old.Active(keys.ES256)
		is, _ := ring.Active(keys.ES256)
		if _, published := ring.ByKID(was.KID); was.KID == is.KID || !published || len(ring.Published()) != 3 {
			t.Errorf("after a rotation %d keys are published", len(ring.Published()))
		}
		later, err := keys.Open(t.Context(), s, secret, now.Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, published := later.ByKID(was.KID); published {
			t.Error("a key is published after its end")
		}
	})
}

func TestJWKS_Form(t *testing.T) {
	s, err := store.New(env.DB(t, "portal"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(t.Context(), s, secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(ring.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if k["use"] != "sig" || len(k["kid"]) != 43 || k["d"] != "" || (k["kty"] == "EC" && (len(k["x"]) != 43 || len(k["y"]) != 43)) {
			t.Errorf("key %v", k)
		}
	}
}

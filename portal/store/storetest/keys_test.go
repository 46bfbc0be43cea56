package storetest_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

func signingKey(kid string, active bool) store.SigningKey {
	k := store.SigningKey{KID: kid, Algorithm: "ES256", PrivateEncrypted: "sealed", PublicJWK: "{}", CreatedAt: storetest.Now, Active: active}
	if !active {
		k.ActivatesAt = storetest.Now.Add(time.Minute)
	}
	return k
}

// sketch is each key's id and what it is.
func sketch(t *testing.T, s *store.Store) string {
	t.Helper()
	rows, err := s.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, k := range rows {
		word := k.KID
		for is, here := range map[string]bool{"+": k.Active, "?": !k.ActivatesAt.IsZero(), "!": !k.WithdrawnAt.IsZero()} {
			if here {
				word += is
			}
		}
		if k.PrivateEncrypted == "" {
			word += "-"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestSigningKeys_EachChangeAndRefusal(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s := storetest.New(t, d)
		later, end := storetest.Now.Add(time.Minute), storetest.Now.Add(time.Hour)
		for _, step := range []struct {
			change store.Change
			want   error
			left   string
		}{
			{store.AddKey(signingKey("a", true)), nil, "a+"},
			{store.AddKey(signingKey("b", true)), store.ErrKeyPending, "a+"},
			{store.AddKey(signingKey("b", false)), nil, "a+ b?"},
			{store.AddKey(signingKey("c", false)), store.ErrKeyPending, "a+ b?"},
			{store.ActivateKey("a", "ES256", later, end), store.ErrKeyChanged, "a+ b?"},
			{store.ActivateKey("b", "RS256", later, end), store.ErrKeyChanged, "a+ b?"},
			{store.ActivateKey("b", "ES256", later, end), nil, "a- b+"},
			{store.ActivateKey("b", "ES256", later, end), store.ErrKeyChanged, "a- b+"},
			{store.AddKey(signingKey("c", false)), nil, "a- b+ c?"},
			{store.WithdrawKey("b", false, later), store.ErrKeyChanged, "a- b+ c?"},
			{store.WithdrawKey("c", true, later), store.ErrKeyChanged, "a- b+ c?"},
			{store.WithdrawKey("c", false, later), nil, "a- b+ c!-"},
			{store.WithdrawKey("c", false, later), store.ErrKeyChanged, "a- b+ c!-"},
			{store.WithdrawKey("nothing", false, later), store.ErrKeyChanged, "a- b+ c!-"},
		} {
			if err := s.Apply(t.Context(), step.change); !errors.Is(err, step.want) || sketch(t, s) != step.left {
				t.Fatalf("%v and %q where %v and %q are expected", err, sketch(t, s), step.want, step.left)
			}
		}
		if err := s.PurgeKeys(t.Context(), later); err != nil || sketch(t, s) != "a- b+" {
			t.Errorf("%v, %q", err, sketch(t, s))
		}
		rows, err := s.SigningKeys(t.Context())
		if err != nil || !rows[0].NotAfter.Equal(end) || !rows[1].ActivatedAt.Equal(later) || !rows[1].NotAfter.IsZero() {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestSigningKeys_AtOnce(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s := storetest.New(t, d)
		if err := s.Apply(t.Context(), store.AddKey(signingKey("a", true))); err != nil {
			t.Fatal(err)
		}
		won := func(change func(i int) store.Change, lost error) int {
			var wg sync.WaitGroup
			var mu sync.Mutex
			n := 0
			for i := range 8 {
				wg.Go(func() {
					err := s.Apply(t.Context(), change(i))
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						n++
					} else if !errors.Is(err, lost) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return n
		}
		if n := won(func(i int) store.Change { return store.AddKey(signingKey(string(rune('b'+i)), false)) }, store.ErrKeyPending); n != 1 {
			t.Errorf("%d next keys were stored", n)
		}
		rows, err := s.SigningKeys(t.Context())
		if err != nil || len(rows) != 2 {
			t.Fatal(rows, err)
		}
		next := rows[1].KID
		if n := won(func(int) store.Change {
			return store.ActivateKey(next, "ES256", storetest.Now, storetest.Now.Add(time.Hour))
		}, store.ErrKeyChanged); n != 1 {
			t.Errorf("%d replicas activated it", n)
		}
		if got := sketch(t, s); got != "a- "+next+"+" {
			t.Errorf("%q", got)
		}
	})
}

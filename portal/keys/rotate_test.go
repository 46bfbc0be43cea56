package keys_test

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/store"
	"gatehouse.example/tests/env"
)

func reload(t *testing.T, all ...*keys.Manager) {
	t.Helper()
	for _, r := range all {
		if err := r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func active(t *testing.T, r *keys.Manager, alg string) keys.Key {
	t.Helper()
	k, err := r.Active(alg)
	if err != nil {
		t.Fatal(err)
	}
	if k.Private == nil || !k.Public.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Private.Public()) {
		t.Errorf("the active %s key can't sign", alg)
	}
	return k
}

func published(r *keys.Manager, kid string) bool { return slices.Contains(r.KIDs(), kid) }

// state is what the console shows of a key, "" if it is not kept.
func state(t *testing.T, r *keys.Manager, kid string) keys.State {
	t.Helper()
	k, err := r.Find(t.Context(), kid)
	if err != nil && !errors.Is(err, keys.ErrChanged) {
		t.Fatal(err)
	}
	return k.State
}

// One key's whole life, seen by two replicas.
func TestRotate_FromNextToForgotten(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		for _, alg := range keys.Algorithms {
			c := newClock()
			one, two := replica(t, d, c), replica(t, d, c)
			was := active(t, one, alg)
			next, err := one.Rotate(t.Context(), alg, nil)
			if err != nil || next.State != keys.Next || !next.ActivatesAt.Equal(c.now().Add(keys.PublishAhead)) {
				t.Fatalf("%+v, %v", next, err)
			}
			if published(two, next.KID) {
				t.Error("the other replica knows it without a look")
			}
			c.advance(keys.PublishAhead - time.Second)
			reload(t, two, one)
			for _, r := range []*keys.Manager{one, two} {
				if active(t, r, alg).KID != was.KID || !published(r, next.KID) {
					t.Errorf("before its time: %v, active is %s", r.KIDs(), active(t, r, alg).KID)
				}
			}
			if again, err := two.Rotate(t.Context(), alg, nil); !errors.Is(err, keys.ErrPending) || again.KID != next.KID {
				t.Errorf("a second next key: %+v, %v", again, err)
			}
			c.advance(time.Second)
			reload(t, two, one)
			end := c.now().Add(tokenLife + keys.ExpiryMargin)
			for _, r := range []*keys.Manager{one, two} {
				if k, _ := r.ByKID(was.KID); active(t, r, alg).KID != next.KID || !published(r, was.KID) || k.Private != nil {
					t.Errorf("in its time: active is %s, the old key can sign: %v", active(t, r, alg).KID, k.Private != nil)
				}
			}
			if old, err := one.Find(t.Context(), was.KID); err != nil || old.State != keys.Old || !old.NotAfter.Equal(end) {
				t.Errorf("%+v, %v", old, err)
			}
			var private string
			if err := d.GetContext(t.Context(), &private, d.Rebind(`SELECT private_pem_encrypted FROM signing_keys WHERE kid = ?`), was.KID); err != nil || private != "" {
				t.Errorf("the private half of the old key is still there: %v", err)
			}
			c.advance(tokenLife + keys.ExpiryMargin - time.Second)
			reload(t, one)
			if !published(one, was.KID) {
				t.Error("it is unpublished before its last token has died")
			}
			c.advance(time.Second)
			reload(t, one, two)
			if _, recognised := one.Recognised(was.KID); published(one, was.KID) || published(two, was.KID) || !recognised || state(t, one, was.KID) != keys.Retired {
				t.Errorf("after its last token: %v, recognised %v", one.KIDs(), recognised)
			}
			if fresh := replica(t, d, c); published(fresh, was.KID) || active(t, fresh, alg).KID != next.KID {
				t.Error("a replica that starts now sees something else")
			}
			c.advance(hintLife + time.Second)
			reload(t, one)
			if _, recognised := one.Recognised(was.KID); recognised || state(t, one, was.KID) != "" {
				t.Error("it is not forgotten")
			}
		}
	})
}

// Replicas that rotate at once end with one next key, and replicas that activate at once with one active key.
func TestRotate_ReplicasAtOnce(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		c := newClock()
		all := []*keys.Manager{replica(t, d, c), replica(t, d, c), replica(t, d, c), replica(t, d, c)}
		for range 3 {
			var wg sync.WaitGroup
			made := make(chan string, len(all))
			for _, r := range all {
				wg.Go(func() {
					k, err := r.Rotate(t.Context(), keys.ES256, nil)
					switch {
					case err == nil:
						made <- k.KID
					case !errors.Is(err, keys.ErrPending):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if len(made) != 1 {
				t.Fatalf("%d next keys were made", len(made))
			}
			next := <-made
			c.advance(keys.PublishAhead)
			for _, r := range all {
				wg.Go(func() {
					if err := r.Reload(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, r := range all {
				if got := active(t, r, keys.ES256).KID; got != next {
					t.Errorf("a replica signs with %s and not with %s", got, next)
				}
			}
			c.advance(time.Hour)
		}
	})
}

func TestActivate_Now(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		c := newClock()
		one, two := replica(t, d, c), replica(t, d, c)
		was := active(t, one, keys.RS256)
		if _, err := one.Activate(t.Context(), was.KID, nil); !errors.Is(err, keys.ErrChanged) {
			t.Errorf("the active key was activated: %v", err)
		}
		if _, err := one.Activate(t.Context(), "nothing", nil); !errors.Is(err, keys.ErrChanged) {
			t.Errorf("no key was activated: %v", err)
		}
		next, err := one.Rotate(t.Context(), keys.RS256, nil)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := two.Activate(t.Context(), next.KID, nil); err != nil || k.State != keys.Active {
			t.Fatalf("%+v, %v", k, err)
		}
		if active(t, two, keys.RS256).KID != next.KID || active(t, one, keys.RS256).KID != was.KID {
			t.Error("the replica that activates signs with the new key, the other not before it looks")
		}
		reload(t, one)
		if active(t, one, keys.RS256).KID != next.KID || !published(one, was.KID) {
			t.Error("the other replica did not follow")
		}
		if _, err := one.Activate(t.Context(), next.KID, nil); !errors.Is(err, keys.ErrChanged) {
			t.Errorf("activated twice: %v", err)
		}
	})
}

func TestWithdraw_EachState(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		c := newClock()
		r := replica(t, d, c)
		withdraw := func(kid string) {
			t.Helper()
			if k, err := r.Withdraw(t.Context(), kid, nil); err != nil || k.State != keys.Withdrawn {
				t.Fatalf("%+v, %v", k, err)
			}
			if _, recognised := r.Recognised(kid); recognised || published(r, kid) || state(t, r, kid) != keys.Withdrawn {
				t.Errorf("a withdrawn key is %s", state(t, r, kid))
			}
			if _, err := r.Withdraw(t.Context(), kid, nil); !errors.Is(err, keys.ErrChanged) {
				t.Errorf("withdrawn twice: %v", err)
			}
		}
		first := active(t, r, keys.RS256)
		withdraw(first.KID) // the active one, without a next: a new key takes its place
		second := active(t, r, keys.RS256)
		if second.KID == first.KID {
			t.Error("the withdrawn key signs")
		}
		next, err := r.Rotate(t.Context(), keys.RS256, nil)
		if err != nil {
			t.Fatal(err)
		}
		withdraw(next.KID) // the next one: nothing else changes
		if active(t, r, keys.RS256).KID != second.KID {
			t.Error("another key signs")
		}
		if next, err = r.Rotate(t.Context(), keys.RS256, nil); err != nil {
			t.Fatal(err)
		}
		withdraw(second.KID) // the active one, with a next: that signs at once
		if active(t, r, keys.RS256).KID != next.KID {
			t.Error("the next key did not take the place")
		}
		if _, err := r.Rotate(t.Context(), keys.RS256, nil); err != nil {
			t.Fatal(err)
		}
		c.advance(keys.PublishAhead)
		reload(t, r)
		withdraw(next.KID) // an old one
		c.advance(hintLife + time.Hour)
		reload(t, r)
		list, err := r.List(t.Context())
		if err != nil || len(list) != 2 {
			t.Errorf("withdrawn keys are kept for ever: %+v, %v", list, err)
		}
	})
}

// Two administrators withdraw the active key at once: one new key takes its place.
func TestWithdraw_ReplicasAtOnce(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		c := newClock()
		all := []*keys.Manager{replica(t, d, c), replica(t, d, c), replica(t, d, c)}
		was := active(t, all[0], keys.ES256)
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for _, r := range all {
			wg.Go(func() {
				_, err := r.Withdraw(t.Context(), was.KID, nil)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else if !errors.Is(err, keys.ErrChanged) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		reload(t, all...)
		is := active(t, all[0], keys.ES256)
		for _, r := range all {
			if active(t, r, keys.ES256).KID != is.KID || is.KID == was.KID || len(r.KIDs()) != 2 {
				t.Errorf("%v are published, %s signs", r.KIDs(), active(t, r, keys.ES256).KID)
			}
		}
		if done != 1 {
			t.Errorf("%d withdrawals succeeded", done)
		}
	})
}

// The note is stored with the change or neither is.
func TestRotate_NoteInTheSameTransaction(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		r := replica(t, d, newClock())
		was := active(t, r, keys.ES256)
		fails := func(keys.Info) store.Change { return store.WithdrawKey("nothing", false, time.Now()) }
		if _, err := r.Rotate(t.Context(), keys.ES256, fails); err == nil {
			t.Error("it rotated without its note")
		}
		if _, err := r.Withdraw(t.Context(), was.KID, fails); err == nil {
			t.Error("it withdrew without its note")
		}
		reload(t, r)
		if len(r.KIDs()) != 2 || active(t, r, keys.ES256).KID != was.KID {
			t.Errorf("something was stored: %v", r.KIDs())
		}
		if _, err := r.Rotate(t.Context(), "none", nil); !errors.Is(err, keys.ErrAlgorithm) {
			t.Errorf("an unknown algorithm: %v", err)
		}
	})
}

// Run follows another replica, and survives a database that is away.
func TestRun_FollowsAndSurvives(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		c := newClock()
		one, two := replica(t, d, c), replica(t, d, c)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan error, 1)
		go func() { done <- two.Run(ctx) }()
		next, err := one.Rotate(t.Context(), keys.ES256, nil)
		if err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { return published(two, next.KID) })
		c.advance(keys.PublishAhead)
		await(t, func() bool { return active(t, two, keys.ES256).KID == next.KID })
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := two.Reload(t.Context()); err == nil || active(t, two, keys.ES256).KID != next.KID {
			t.Errorf("without the database: %v", err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func await(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}

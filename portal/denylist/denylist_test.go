package denylist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/db"
	keeper "gatehouse/portal/denylist"
	"gatehouse/portal/store"
	"gatehouse/portal/store/storetest"
	"gatehouse/sso/denylist"
	"gatehouse/tests/env"
)

// house is a database, a Redis and a keeper between them.
type house struct {
	*testing.T
	db     *db.DB
	rdb    redis.UniversalClient
	store  *store.Store
	log    *denylist.Log
	keeper *keeper.Keeper
	logs   *logs
}

// logs is what keepers wrote.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }

func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}

func each(t *testing.T, test func(h *house)) {
	t.Helper()
	env.EachHouse(t, "portal", func(t *testing.T, d *db.DB, rdb redis.UniversalClient) { test(newHouse(t, d, rdb)) })
}

func newHouse(t *testing.T, d *db.DB, rdb redis.UniversalClient) *house {
	t.Helper()
	h := &house{T: t, db: d, rdb: rdb, store: storetest.New(t, d), logs: &logs{}}
	var err error
	h.log, err = denylist.NewLog(rdb)
	h.check(err)
	h.keeper = h.another()
	return h
}

// another keeper, as another replica of the portal has.
func (h *house) another() *keeper.Keeper {
	h.Helper()
	k, err := keeper.New(keeper.Deps{
		Records: h.store, Log: h.log, Now: time.Now, Logger: slog.New(slog.NewTextHandler(h.logs, nil)),
	})
	h.check(err)
	return k
}

func (h *house) check(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// revoke writes a revocation to the database and no further, as a portal that is killed then does.
func (h *house) revoke(token string) []store.Revocation {
	h.Helper()
	now := time.Now()
	out, err := h.store.EndSignIns(h.Context(), store.Ending{
		ID: "ending of " + token, Token: token, Reason: "token_revoked", Client: "shop", Now: now, Until: now.Add(time.Hour), Retried: now,
	})
	h.check(err)
	return out.Revocations
}

func (h *house) denied(token string) bool {
	h.Helper()
	_, ok, err := h.log.Find(h.Context(), denylist.Token, token)
	h.check(err)
	return ok
}

func (h *house) pending() int {
	h.Helper()
	rows, err := h.store.PendingRevocations(h.Context(), time.Now(), 1000)
	h.check(err)
	return len(rows)
}

func (h *house) epoch() string {
	h.Helper()
	s, err := h.log.State(h.Context())
	h.check(err)
	return s.Epoch
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func (h *house) run(k *keeper.Keeper) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			h.Error(err)
		}
	}
}

// The portal was killed between the database write and the Redis write: another replica publishes.
func TestKeeper_PublishesWhatAnotherReplicaLeft(t *testing.T) {
	each(t, func(h *house) {
		var mu sync.Mutex
		var late []store.Revocation
		h.keeper.OnLate(func(published []store.Revocation, w denylist.Written) {
			mu.Lock()
			defer mu.Unlock()
			if w.Position == 0 {
				h.Error("published nowhere")
			}
			late = append(late, published...)
		})
		defer h.run(h.keeper)()
		eventually(h.T, "an epoch", func() bool { return h.epoch() != "" })
		rows := h.revoke("token-1")
		h.keeper.Wake()
		eventually(h.T, "published", func() bool { return h.pending() == 0 })
		if !h.denied("token-1") {
			h.Error("not denied")
		}
		e, _, err := h.log.Find(h.Context(), denylist.Token, "token-1")
		h.check(err)
		if e.Seq != rows[0].Seq || e.Reason != "token_revoked" || e.Client != "shop" || !e.Until.Equal(rows[0].Until) {
			h.Errorf("%+v", e)
		}
		eventually(h.T, "told of it", func() bool { mu.Lock(); defer mu.Unlock(); return len(late) == 1 && late[0].Value == "token-1" })
	})
}

func TestKeeper_PublishRebuildsFirst(t *testing.T) {
	each(t, func(h *house) {
		h.revoke("before")
		rows := h.revoke("now")
		w, err := h.keeper.Publish(h.Context(), rows)
		h.check(err)
		if w.Position == 0 || !h.denied("now") || !h.denied("before") || h.epoch() == "" {
			h.Errorf("%+v; the set is not complete", w)
		}
		if w, err := h.keeper.Publish(h.Context(), nil); err != nil || w.Position != 0 {
			h.Errorf("nothing to publish: %+v, %v", w, err)
		}
	})
}

func TestKeeper_RebuildsWhenRedisLostEverything(t *testing.T) {
	each(t, func(h *house) {
		const all = 60
		for i := range all {
			h.revoke(fmt.Sprintf("token-%d", i))
		}
		h.check(h.keeper.Sync(h.Context()))
		mirror := env.Denied(h.T, h.rdb, "shop")
		for i := range all {
			if err := mirror.Check("", "", fmt.Sprintf("token-%d", i), time.Now()); !errors.Is(err, denylist.ErrDenied) {
				h.Fatalf("token-%d: %v", i, err)
			}
		}
		first := h.epoch()
		h.check(h.rdb.FlushDB(h.Context()).Err())
		defer h.run(h.another())()
		eventually(h.T, "another epoch", func() bool { e := h.epoch(); return e != "" && e != first })
		for i := range all {
			if !h.denied(fmt.Sprintf("token-%d", i)) {
				h.Errorf("token-%d is not denied any more", i)
			}
		}
		eventually(h.T, "mirrors let people in again", func() bool { return mirror.Check("", "", "innocent", time.Now()) == nil })
		if err := mirror.Check("", "", "token-7", time.Now()); !errors.Is(err, denylist.ErrDenied) {
			h.Errorf("after that: %v", err)
		}
	})
}

// Redis forgot its replicas with everything else. One of them has not noticed yet; it lets nobody in any more when the
// ending is confirmed.
func TestKeeper_WaitsForWhomRedisForgot(t *testing.T) {
	each(t, func(h *house) {
		h.check(h.keeper.Sync(h.Context()))
		mirror := env.Denied(h.T, h.rdb, "shop")
		other := h.another()
		h.check(other.Sync(h.Context()))
		for i := range 3 {
			h.check(h.rdb.FlushDB(h.Context()).Err())
			token := fmt.Sprintf("token-%d", i)
			k := []*keeper.Keeper{h.keeper, other, h.keeper}[i] // one that rebuilt, and one that only sees it
			w, err := k.Publish(h.Context(), h.revoke(token))
			h.check(err)
			k.Await(h.Context(), w, denylist.DefaultBound)
			if err := mirror.Check("", "", token, time.Now()); err == nil {
				h.Error("a replica that Redis forgot lets in what is confirmed to be out")
			}
			eventually(h.T, "the replica is back", func() bool { return mirror.Check("", "", "innocent", time.Now()) == nil })
		}
	})
}

func TestKeeper_WritesAgainWhatAFailoverLost(t *testing.T) {
	each(t, func(h *house) {
		h.revoke("kept")
		h.check(h.keeper.Sync(h.Context()))
		state, err := h.log.State(h.Context())
		h.check(err)
		kept := h.dump()
		h.revoke("lost-1")
		h.revoke("lost-2")
		h.check(h.keeper.Sync(h.Context()))
		if !h.denied("lost-2") || h.pending() != 0 {
			h.Fatal("not published")
		}
		h.restore(kept) // as the new master has it
		if now, err := h.log.State(h.Context()); err != nil || now.High != state.High || h.denied("lost-1") {
			h.Fatalf("the failover lost nothing: %+v, %v", now, err)
		}
		h.check(h.another().Sync(h.Context()))
		for _, token := range []string{"kept", "lost-1", "lost-2"} {
			if !h.denied(token) {
				h.Errorf("%s is not denied", token)
			}
		}
		if h.logs.count("Redis had lost revocations") != 1 {
			h.Error("nobody was told")
		}
		for range 3 { // and then there is nothing left to do
			h.check(h.keeper.Sync(h.Context()))
		}
		if n := h.logs.count("Redis had lost revocations"); n != 1 {
			h.Errorf("found %d times", n)
		}
	})
}

// A hole before the last entry shows only when Redis failed meanwhile; then the keeper looks for each.
func TestKeeper_LooksForHolesAfterTrouble(t *testing.T) {
	each(t, func(h *house) {
		for _, token := range []string{"one", "two", "three"} {
			h.revoke(token)
		}
		h.check(h.keeper.Sync(h.Context()))
		h.check(h.rdb.HDel(h.Context(), "gatehouse:{denied}:set", "jti:two").Err())
		canceled, cancel := context.WithCancel(h.Context())
		cancel()
		if err := h.keeper.Sync(canceled); err == nil {
			h.Fatal("Redis did not fail")
		}
		h.check(h.keeper.Sync(h.Context()))
		if !h.denied("two") {
			h.Error("the hole is still there")
		}
	})
}

func TestKeeper_WaitsWhileRedisIsAwayAndSaysSoOnce(t *testing.T) {
	server, rdb := env.OwnRedis(t, "", func(o *redis.Options) { o.MaxRetries = -1 })
	h := newHouse(t, env.DB(t, "portal"), rdb)
	defer h.run(h.keeper)()
	eventually(t, "an epoch", func() bool { s, err := h.log.State(t.Context()); return err == nil && s.Epoch != "" })
	server.Stop()
	rows := h.revoke("while away")
	if _, err := h.keeper.Publish(t.Context(), rows); err == nil {
		t.Error("published to a Redis that is away")
	}
	eventually(t, "a warning", func() bool { return h.logs.count("waits in the database") == 1 })
	h.keeper.Wake()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "published", func() bool { return h.pending() == 0 })
	if !h.denied("while away") {
		t.Error("not denied")
	}
	eventually(t, "the news", func() bool { return h.logs.count("is kept again") == 1 })
	if n := h.logs.count("waits in the database"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

func TestKeeper_RefusesAMissingDependency(t *testing.T) {
	if _, err := keeper.New(keeper.Deps{}); err == nil {
		t.Error("made without anything")
	}
}

// dump and restore stand for a server that was a little behind: they keep all keys of the denylist as they were.
func (h *house) dump() map[string]string {
	h.Helper()
	kept := map[string]string{}
	keys, err := h.rdb.Keys(h.Context(), "gatehouse:{denied}:*").Result()
	h.check(err)
	for _, k := range keys {
		kind, err := h.rdb.Type(h.Context(), k).Result()
		h.check(err)
		if kind == "string" {
			kept[k], err = h.rdb.Get(h.Context(), k).Result()
			h.check(err)
		}
	}
	return kept
}

func (h *house) restore(kept map[string]string) {
	h.Helper()
	for k, v := range kept {
		h.check(h.rdb.Set(h.Context(), k, v, 0).Err())
	}
	for _, field := range []string{"jti:lost-1", "jti:lost-2"} {
		h.check(h.rdb.HDel(h.Context(), "gatehouse:{denied}:set", field).Err())
		h.check(h.rdb.ZRem(h.Context(), "gatehouse:{denied}:until", field).Err())
	}
	// The log of before: its last two entries are not there.
	last, err := h.rdb.XRevRangeN(h.Context(), "gatehouse:{denied}:log", "+", "-", 2).Result()
	h.check(err)
	all, err := h.rdb.XRange(h.Context(), "gatehouse:{denied}:log", "-", "+").Result()
	h.check(err)
	h.check(h.rdb.Del(h.Context(), "gatehouse:{denied}:log").Err())
	for _, m := range all[:len(all)-len(last)] {
		h.check(h.rdb.XAdd(h.Context(), &redis.XAddArgs{Stream: "gatehouse:{denied}:log", ID: m.ID, Values: m.Values}).Err())
	}
}

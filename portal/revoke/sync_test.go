package revoke_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

// logs is what services logged.
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

// commit writes a revocation to the database and no further, as a portal that is killed then does.
func (h *house) commit(token string) []store.Revocation {
	h.Helper()
	now := time.Now()
	out, err := h.store.EndSignIns(h.Context(), store.EndRequest{
		ID: "ending of " + token, Token: token, Reason: "token_revoked", Client: "shop", Now: now, Until: now.Add(time.Hour), RetryFrom: now,
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

func (h *house) run(k *revoke.Service) (stop func()) {
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
func TestSync_PublishesWhatAnotherReplicaLeft(t *testing.T) {
	each(t, func(h *house) {
		defer h.run(h.service)()
		eventually(h.T, "an epoch", func() bool { return h.epoch() != "" })
		rows := h.commit("token-1")
		eventually(h.T, "published", func() bool { return h.pending() == 0 })
		if !h.denied("token-1") {
			h.Error("not denied")
		}
		e, _, err := h.log.Find(h.Context(), denylist.Token, "token-1")
		h.check(err)
		if e.Seq != rows[0].Seq || e.Reason != "token_revoked" || e.Client != "shop" || !e.Until.Equal(rows[0].Until) {
			h.Errorf("%+v", e)
		}
		eventually(h.T, "a receipt", func() bool {
			_, receipt, err := h.service.Receipt(h.Context(), rows[0].ReceiptID)
			return err == nil && receipt.Confirmed && receipt.Denylist.Position > 0
		})
	})
}

func TestSync_PublishRebuildsFirst(t *testing.T) {
	each(t, func(h *house) {
		h.commit("before")
		rows := h.commit("now")
		w, err := h.service.Publish(h.Context(), rows)
		h.check(err)
		if w.Position == 0 || !h.denied("now") || !h.denied("before") || h.epoch() == "" {
			h.Errorf("%+v; the set is not complete", w)
		}
		if w, err := h.service.Publish(h.Context(), nil); err != nil || w.Position != 0 {
			h.Errorf("nothing to publish: %+v, %v", w, err)
		}
	})
}

func TestSync_RebuildsWhenRedisLostEverything(t *testing.T) {
	each(t, func(h *house) {
		const all = 60
		for i := range all {
			h.commit(fmt.Sprintf("token-%d", i))
		}
		h.check(h.service.Sync(h.Context()))
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
func TestSync_WaitsForWhomRedisForgot(t *testing.T) {
	each(t, func(h *house) {
		h.check(h.service.Sync(h.Context()))
		mirror := env.Denied(h.T, h.rdb, "shop")
		other := h.another()
		h.check(other.Sync(h.Context()))
		for i := range 3 {
			h.check(h.rdb.FlushDB(h.Context()).Err())
			token := fmt.Sprintf("token-%d", i)
			k := []*revoke.Service{h.service, other, h.service}[i] // one that rebuilt, and one that only sees it
			w, err := k.Publish(h.Context(), h.commit(token))
			h.check(err)
			k.Await(h.Context(), w)
			if err := mirror.Check("", "", token, time.Now()); err == nil {
				h.Error("a replica that Redis forgot lets in what is confirmed to be out")
			}
			eventually(h.T, "the replica is back", func() bool { return mirror.Check("", "", "innocent", time.Now()) == nil })
		}
	})
}

func TestSync_WritesAgainWhatAFailoverLost(t *testing.T) {
	each(t, func(h *house) {
		h.commit("kept")
		h.check(h.service.Sync(h.Context()))
		state, err := h.log.State(h.Context())
		h.check(err)
		kept := h.dump()
		h.commit("lost-1")
		h.commit("lost-2")
		h.check(h.service.Sync(h.Context()))
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
			h.check(h.service.Sync(h.Context()))
		}
		if n := h.logs.count("Redis had lost revocations"); n != 1 {
			h.Errorf("found %d times", n)
		}
	})
}

// A hole before the last entry shows only when Redis failed meanwhile; then Sync looks for each.
func TestSync_LooksForHolesAfterTrouble(t *testing.T) {
	each(t, func(h *house) {
		for _, token := range []string{"one", "two", "three"} {
			h.commit(token)
		}
		h.check(h.service.Sync(h.Context()))
		h.check(h.rdb.HDel(h.Context(), "gatehouse:{denied}:set", "jti:two").Err())
		canceled, cancel := context.WithCancel(h.Context())
		cancel()
		if err := h.service.Sync(canceled); err == nil {
			h.Fatal("Redis did not fail")
		}
		h.check(h.service.Sync(h.Context()))
		if !h.denied("two") {
			h.Error("the hole is still there")
		}
	})
}

func TestSync_WaitsWhileRedisIsAwayAndSaysSoOnce(t *testing.T) {
	server, rdb := env.OwnRedis(t, "", func(o *redis.Options) { o.MaxRetries = -1 })
	h := newHouse(t, env.DB(t, "portal"), rdb)
	defer h.run(h.service)()
	eventually(t, "an epoch", func() bool { s, err := h.log.State(t.Context()); return err == nil && s.Epoch != "" })
	server.Stop()
	rows := h.commit("while away")
	if _, err := h.service.Publish(t.Context(), rows); err == nil {
		t.Error("published to a Redis that is away")
	}
	eventually(t, "a warning", func() bool { return h.logs.count("wait in the database") == 1 })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "published", func() bool { return h.pending() == 0 })
	if !h.denied("while away") {
		t.Error("not denied")
	}
	eventually(t, "the news", func() bool { return h.logs.count("is updated again") == 1 })
	if n := h.logs.count("wait in the database"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

func TestNew_RefusesAMissingDependency(t *testing.T) {
	if _, err := revoke.New(revoke.Deps{}); err == nil {
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

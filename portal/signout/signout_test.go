package signout_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/db"
	"gatehouse/portal/backchannel"
	keeper "gatehouse/portal/denylist"
	"gatehouse/portal/signout"
	"gatehouse/portal/store"
	"gatehouse/portal/store/storetest"
	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
	"gatehouse/tests/env"
	"gatehouse/web"
)

// house is a service with a real store, denylist and sessions, and clients that are told.
type house struct {
	*testing.T
	db     *db.DB
	rdb    redis.UniversalClient
	store  *store.Store
	log    *denylist.Log
	keeper *keeper.Keeper
	outs   *signout.Service
	told   *told
}

// told are clients that hear everything.
type told struct {
	mu      sync.Mutex
	notices []store.Notice
}

func (c *told) Deliver(_ context.Context, notices []store.Notice) (results []backchannel.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices = append(c.notices, notices...)
	for _, n := range notices {
		results = append(results, backchannel.Result{ClientID: n.ClientID, Heard: true, Took: 3 * time.Millisecond})
	}
	return results
}

func each(t *testing.T, test func(h *house)) {
	t.Helper()
	env.EachHouse(t, "portal", func(t *testing.T, d *db.DB, rdb redis.UniversalClient) { test(newHouse(t, d, rdb)) })
}

func newHouse(t *testing.T, d *db.DB, rdb redis.UniversalClient) *house {
	t.Helper()
	h := &house{T: t, db: d, rdb: rdb, store: storetest.New(t, d), told: &told{}}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	h.log, err = denylist.NewLog(rdb)
	h.check(err)
	h.keeper, err = keeper.New(keeper.Deps{Records: h.store, Log: h.log, Now: time.Now, Logger: quiet})
	h.check(err)
	sessions, err := session.New(rdb, session.Options{Service: "portal"})
	h.check(err)
	h.outs, err = signout.New(signout.Deps{
		Records: h.store, Denylist: h.keeper, Sessions: sessions, Sender: h.told, Now: time.Now, Logger: quiet,
	})
	h.check(err)
	h.keeper.OnLate(h.outs.Late)
	return h
}

func (h *house) check(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// person is somebody who signed in an hour ago, and opened the shop.
func (h *house) person(email string) (store.User, store.SignIn) {
	h.Helper()
	u := storetest.User(email)
	h.check(h.store.SeedUsers(h.Context(), []store.User{u}))
	return u, h.signIn(u)
}

func (h *house) signIn(u store.User) store.SignIn {
	h.Helper()
	in := storetest.SignIn(u)
	in.CreatedAt = time.Now().Add(-time.Hour)
	in.LastSeenAt = in.CreatedAt
	h.check(h.store.SignIn(h.Context(), in, u.PasswordHash))
	_, err := h.db.ExecContext(h.Context(), h.db.Rebind(`INSERT INTO clients (id, name, backchannel_logout_uri, auth_method, created_at)
		VALUES ('shop', 'Shop', 'http://shop.test/logout', 'none', 1) ON CONFLICT DO NOTHING`))
	h.check(err)
	_, err = h.db.ExecContext(h.Context(), h.db.Rebind(`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at) VALUES (?, 'shop', 1, 1)`), in.SID)
	h.check(err)
	return in
}

func (h *house) count(query string, args ...any) (n int) {
	h.Helper()
	h.check(h.db.GetContext(h.Context(), &n, h.db.Rebind(query), args...))
	return n
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// When Do returns, every server refuses it, and the receipt says so.
func TestDo_IsTrueEverywhereWhenItReturns(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		other, innocent := h.person("otto@example.com")
		shop, forum := env.Denied(h.T, h.rdb, "shop"), env.Denied(h.T, h.rdb, "forum")
		done, err := h.outs.Do(h.Context(), signout.Act{UserID: u.ID, Reason: signout.Banned, Note: "spam", By: "admin-1"})
		h.check(err)
		for name, mirror := range map[string]*denylist.Mirror{"shop": shop, "forum": forum} {
			if err := mirror.Check(u.ID, in.SID, "", in.CreatedAt); !errors.Is(err, denylist.ErrDenied) {
				h.Errorf("%s lets the person in: %v", name, err)
			}
			if err := mirror.Check(other.ID, innocent.SID, "", innocent.CreatedAt); err != nil {
				h.Errorf("%s refuses another: %v", name, err)
			}
			if err := mirror.Check(u.ID, "the next", "", time.Now()); err != nil {
				h.Errorf("%s refuses the next sign-in: %v", name, err)
			}
		}
		if !done.Confirmed || done.Ended != 1 || done.Receipt.Confirmed() != 2 || len(done.Receipt.Missing()) != 0 || len(done.Told) != 1 || !done.Told[0].Heard {
			h.Errorf("%+v", done)
		}
		kept, again, err := h.outs.Receipt(h.Context(), done.Ending)
		h.check(err)
		if kept.UserID != u.ID || kept.Reason != signout.Banned || again.Receipt.Confirmed() != 2 || !again.Confirmed || again.Ended != 1 ||
			len(again.Told) != 1 || again.Told[0].Took != 3*time.Millisecond {
			h.Errorf("stored: %+v, %+v", kept, again)
		}
		if n := h.count("SELECT COUNT(*) FROM revocations WHERE published_at IS NULL"); n != 0 {
			h.Errorf("%d are not noted as published", n)
		}
		if n := h.count("SELECT COUNT(*) FROM backchannel_outbox WHERE ending = ?", done.Ending); n != 1 {
			h.Errorf("%d notices name the ending", n)
		}
	})
}

func TestDo_UnknownExpiredAndDoubled(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		later := time.Now().Add(time.Minute)
		for name, a := range map[string]signout.Act{
			"an unknown person":   {UserID: "nobody", Reason: signout.Banned},
			"an unknown sign-in":  {SID: "none", Reason: signout.ByPerson},
			"no text":             {SID: "\xff\x00", Reason: signout.ByPerson},
			"an enormous sid":     {SID: strings.Repeat("x", 100_000), Reason: signout.ByPerson},
			"an enormous person":  {UserID: strings.Repeat("x", 100_000), Reason: signout.Banned},
			"an expired token":    {Token: "a.b", Until: time.Now().Add(-time.Second), Reason: signout.TokenRevoked},
			"a token without end": {Token: "a.b", Reason: signout.TokenRevoked},
		} {
			done, err := h.outs.Do(h.Context(), a)
			if err != nil || done.Ended != 0 || !done.Confirmed {
				h.Errorf("%s: %+v, %v", name, done, err)
			}
		}
		if n := h.count("SELECT COUNT(*) FROM revocations"); n != 0 {
			h.Errorf("%d revocations of nothing", n)
		}
		for name, a := range map[string]signout.Act{
			"nothing": {Reason: signout.Banned}, "no reason": {SID: in.SID}, "two": {SID: in.SID, UserID: u.ID, Reason: signout.Banned},
		} {
			if _, err := h.outs.Do(h.Context(), a); err == nil {
				h.Errorf("%s: no error", name)
			}
		}
		var first signout.Done
		for i := range 3 {
			done, err := h.outs.Do(h.Context(), signout.Act{SID: in.SID, Reason: signout.ByPerson})
			h.check(err)
			if i == 0 {
				first = done
			}
			if done.Ending != first.Ending || (i > 0) != (done.Ended == 0) || !done.Confirmed {
				h.Errorf("time %d: %+v", i+1, done)
			}
			if _, err := h.outs.Do(h.Context(), signout.Act{Token: "grant.token", Until: later, Reason: signout.TokenRevoked}); err != nil {
				h.Error(err)
			}
		}
		if n := h.count("SELECT COUNT(*) FROM revocations"); n != 2 {
			h.Errorf("%d revocations; one of the sign-in and one of the token are enough", n)
		}
		if n := h.count("SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_out'"); n != 1 {
			h.Errorf("%d events", n)
		}
		// What is known everywhere need not be written again.
		if _, err := h.db.ExecContext(h.Context(), `UPDATE revocations SET published_at = published_at - 60000`); err != nil {
			h.Fatal(err)
		}
		before, err := h.log.State(h.Context())
		h.check(err)
		_, err = h.outs.Do(h.Context(), signout.Act{SID: in.SID, Reason: signout.ByPerson})
		h.check(err)
		if after, err := h.log.State(h.Context()); err != nil || after.Position != before.Position {
			h.Errorf("the log grew from %d to %d, %v", before.Position, after.Position, err)
		}
	})
}

func TestDo_NotesThatAreTooLong(t *testing.T) {
	each(t, func(h *house) {
		u, _ := h.person("maria@example.com")
		_, err := h.outs.Do(h.Context(), signout.Act{UserID: u.ID, Reason: signout.Banned, Note: strings.Repeat("x", 2001)})
		var shown *web.Error
		if !errors.As(err, &shown) || shown.Status != 422 || !strings.Contains(shown.Message, "too long") {
			h.Errorf("%v", err)
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			h.Error("it was done all the same")
		}
		_, err = h.outs.Do(h.Context(), signout.Act{UserID: u.ID, Reason: signout.Banned, Note: strings.Repeat("ü", 1000)})
		h.check(err)
		_, other := h.person("otto@example.com")
		_, err = h.outs.Do(h.Context(), signout.Act{SID: other.SID, Reason: signout.EndedByAdmin, Note: "a\x00b\xff"})
		h.check(err)
		if n := h.count("SELECT COUNT(*) FROM revocations WHERE note = 'ab'"); n != 1 {
			h.Error("a note that no database takes was lost")
		}
	})
}

func TestDo_ChangesThatFailEndNothing(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		_, err := h.outs.Do(h.Context(), signout.Act{
			UserID: u.ID, Reason: signout.PasswordChanged, With: []store.Change{store.ChangePassword(u.ID, "another", "new", time.Now())},
		})
		if !errors.Is(err, store.ErrStale) {
			h.Fatal(err)
		}
		if _, got, err := h.store.Visitor(h.Context(), in.SID); err != nil || !got.EndedAt.IsZero() {
			h.Errorf("%+v, %v", got, err)
		}
		// Changes are made even where there is nobody to sign out.
		done, err := h.outs.Do(h.Context(), signout.Act{
			SID: "\x00", Reason: signout.PasswordChanged, With: []store.Change{store.ChangePassword(u.ID, u.PasswordHash, "new", time.Now())},
		})
		if err != nil || done.Ended != 0 {
			h.Errorf("%+v, %v", done, err)
		}
		if got, err := h.store.UserByID(h.Context(), u.ID); err != nil || got.PasswordHash != "new" {
			h.Errorf("%+v, %v", got, err)
		}
	})
}

// Redis is away: the database has it, a person is told that it is not done, an admin that it is not confirmed; and when
// Redis is back it becomes true, and the receipt complete, by itself.
func TestDo_RedisAway(t *testing.T) {
	server, rdb := env.OwnRedis(t, "", func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
	h := newHouse(t, env.DB(t, "portal"), rdb)
	mine, in := h.person("maria@example.com")
	banned, _ := h.person("otto@example.com")
	mirror := env.Denied(t, rdb, "shop")
	server.Stop()
	if err := h.outs.End(t.Context(), in.SID, signout.ByPerson); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("a person's own sign-out: %v", err)
	}
	done, err := h.outs.Do(t.Context(), signout.Act{UserID: banned.ID, Reason: signout.Banned})
	if err != nil || done.Confirmed || done.Ended != 1 || len(done.Told) != 1 {
		t.Fatalf("an admin's ban: %+v, %v", done, err)
	}
	if _, kept, err := h.outs.Receipt(t.Context(), done.Ending); err != nil || kept.Confirmed {
		t.Errorf("the receipt: %+v, %v", kept, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.keeper.Run(ctx) }()
	defer func() { cancel(); <-stopped }()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shop refuses both", func() bool {
		return errors.Is(mirror.Check(mine.ID, in.SID, "", in.CreatedAt), denylist.ErrDenied) &&
			errors.Is(mirror.Check(banned.ID, "", "", time.Now().Add(-time.Hour)), denylist.ErrDenied)
	})
	eventually(t, "the receipt is complete", func() bool {
		_, kept, err := h.outs.Receipt(t.Context(), done.Ending)
		return err == nil && kept.Confirmed && kept.Receipt.Position > 0 && kept.Ended == 1 && len(kept.Told) == 1
	})
	if err := h.outs.End(t.Context(), in.SID, signout.ByPerson); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// A replica was killed after its transaction: another one's keeper makes a receipt.
func TestLate_MakesTheReceiptOfAReplicaThatWasKilled(t *testing.T) {
	each(t, func(h *house) {
		u, _ := h.person("maria@example.com")
		now := time.Now()
		_, err := h.store.EndSignIns(h.Context(), store.Ending{
			ID: "killed", UserID: u.ID, Reason: signout.Banned, Client: "portal", Scope: "everywhere", Now: now, Until: now.Add(time.Hour), Retried: now,
		})
		h.check(err)
		h.check(h.keeper.Sync(h.Context()))
		eventually(h.T, "a receipt", func() bool {
			kept, done, err := h.outs.Receipt(h.Context(), "killed")
			return err == nil && done.Confirmed && kept.UserID == u.ID && kept.Reason == signout.Banned
		})
	})
}

func TestEndOthers_LeavesOne(t *testing.T) {
	each(t, func(h *house) {
		u, first := h.person("maria@example.com")
		second, third := h.signIn(u), h.signIn(u)
		n, err := h.outs.EndOthers(h.Context(), u.ID, first.SID, signout.PasswordChanged)
		if n != 2 || err != nil {
			h.Fatalf("%d, %v", n, err)
		}
		var sids []string
		for _, notice := range h.told.notices {
			sids = append(sids, notice.SID)
		}
		slices.Sort(sids)
		want := []string{second.SID, third.SID}
		slices.Sort(want)
		if !slices.Equal(sids, want) {
			h.Errorf("clients were told of %q, want %q", sids, want)
		}
		mirror := env.Denied(h.T, h.rdb, "shop")
		if err := mirror.Check(u.ID, first.SID, "", first.CreatedAt); err != nil {
			h.Errorf("the one that stays: %v", err)
		}
		if n, err := h.outs.EndOthers(h.Context(), u.ID, "", signout.Everywhere); n != 1 || err != nil {
			h.Errorf("all: %d, %v", n, err)
		}
		if err := mirror.Check(u.ID, first.SID, "", first.CreatedAt); !errors.Is(err, denylist.ErrDenied) {
			h.Errorf("after all: %v", err)
		}
	})
}

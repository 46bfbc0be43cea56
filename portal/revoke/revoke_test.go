package revoke_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
	"gatehouse.example/web"
)

// house is a service with a real store, denylist and sessions, and clients that are told.
type house struct {
	*testing.T
	db      *db.DB
	rdb     redis.UniversalClient
	store   *store.Store
	log     *denylist.Log
	service *revoke.Service
	told    *told
	logs    *logs
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
		results = append(results, backchannel.Result{ClientID: n.ClientID, Delivered: true, Took: 3 * time.Millisecond})
	}
	return results
}

func each(t *testing.T, test func(h *house)) {
	t.Helper()
	env.EachHouse(t, "portal", func(t *testing.T, d *db.DB, rdb redis.UniversalClient) { test(newHouse(t, d, rdb)) })
}

func newHouse(t *testing.T, d *db.DB, rdb redis.UniversalClient) *house {
	t.Helper()
	h := &house{T: t, db: d, rdb: rdb, store: storetest.New(t, d), told: &told{}, logs: &logs{}}
	var err error
	h.log, err = denylist.NewLog(rdb)
	h.check(err)
	h.service = h.another()
	return h
}

// another returns another replica's service.
func (h *house) another() *revoke.Service {
	h.Helper()
	return h.with(h.log, h.told)
}

// with is a replica's service with another log and other clients.
func (h *house) with(log revoke.Log, sender revoke.Sender) *revoke.Service {
	h.Helper()
	sessions, err := session.New(h.rdb, session.Options{Service: "portal", Keys: [][]byte{[]byte("a key of the tests, 32 bytes long")}})
	h.check(err)
	s, err := revoke.New(revoke.Deps{
		Records: h.store, Log: log, Sessions: sessions, Sender: sender, Now: time.Now, Logger: slog.New(slog.NewTextHandler(h.logs, nil)),
	})
	h.check(err)
	return s
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

// crowd adds n sign-ins of u that opened the shop, by SQL.
func (h *house) crowd(u store.User, n int) {
	h.Helper()
	series := `WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < ` + strconv.Itoa(n) + `) `
	if n == 0 {
		return
	}
	began := db.Millis(time.Now().Add(-time.Hour))
	for _, insert := range []string{
		`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, ip, user_agent) ` + series + `SELECT users.id || '-' || i, users.id, $2, $2, '192.0.2.1', 'crowd' FROM series, users WHERE users.id = $1`,
		`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at) ` + series + `SELECT users.id || '-' || i, 'shop', $2, $2 FROM series, users WHERE users.id = $1`,
	} {
		_, err := h.db.ExecContext(h.Context(), insert, u.ID, began)
		h.check(err)
	}
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

// When Revoke returns, every server refuses it, and the receipt says so.
func TestRevoke_IsTrueEverywhereWhenItReturns(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		other, innocent := h.person("otto@example.com")
		shop, forum := env.Denied(h.T, h.rdb, "shop"), env.Denied(h.T, h.rdb, "forum")
		done, err := h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Reason: revoke.Banned, Note: "spam", By: "admin-1"})
		h.check(err)
		next, err := h.store.SignedOutBefore(h.Context(), u.ID) // the auth_time of one that begins at once
		h.check(err)
		for name, mirror := range map[string]*denylist.Mirror{"shop": shop, "forum": forum} {
			if err := mirror.Check(u.ID, in.SID, "", in.CreatedAt); !errors.Is(err, denylist.ErrDenied) {
				h.Errorf("%s lets the person in: %v", name, err)
			}
			if err := mirror.Check(other.ID, innocent.SID, "", innocent.CreatedAt); err != nil {
				h.Errorf("%s refuses another: %v", name, err)
			}
			if err := mirror.Check(u.ID, "the next", "", next); err != nil {
				h.Errorf("%s refuses the next sign-in: %v", name, err)
			}
		}
		if !done.Confirmed || done.Ended != 1 || done.Denylist.Confirmed() != 2 || len(done.Denylist.Missing()) != 0 || len(done.Clients) != 1 || !done.Clients[0].Delivered {
			h.Errorf("%+v", done)
		}
		kept, again, err := h.service.Receipt(h.Context(), done.ID)
		h.check(err)
		if kept.UserID != u.ID || kept.Reason != revoke.Banned || again.Denylist.Confirmed() != 2 || !again.Confirmed || again.Ended != 1 ||
			len(again.Clients) != 1 || again.Clients[0].Took != 3*time.Millisecond {
			h.Errorf("stored: %+v, %+v", kept, again)
		}
		if n := h.count("SELECT COUNT(*) FROM revocations WHERE published_at IS NULL"); n != 0 {
			h.Errorf("%d are not noted as published", n)
		}
		if n := h.count("SELECT COUNT(*) FROM backchannel_outbox WHERE ending = ?", done.ID); n != 1 {
			h.Errorf("%d notices name the ending", n)
		}
	})
}

// The end of a grant's revocation moves with the clock; presented again, its tokens add nothing.
func TestRevoke_GrantIsRevokedOnce(t *testing.T) {
	each(t, func(h *house) {
		var first revoke.Receipt
		for i := range 3 {
			until := time.Now().Add(6*time.Minute + time.Duration(i)*time.Second)
			done, err := h.service.Revoke(h.Context(), revoke.Request{Token: "grant", Until: until, Reason: revoke.TokenRevoked})
			h.check(err)
			if i == 0 {
				first = done
			}
			if done.ID != first.ID || !done.Confirmed {
				h.Errorf("time %d: %+v", i+1, done)
			}
		}
		for _, table := range []string{"revocations", "receipts"} {
			if n := h.count("SELECT COUNT(*) FROM " + table); n != 1 {
				h.Errorf("%d rows in %s", n, table)
			}
		}
	})
}

func TestRevoke_UnknownExpiredAndDoubled(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		later := time.Now().Add(time.Minute)
		for name, a := range map[string]revoke.Request{
			"an unknown person":   {UserID: "nobody", Reason: revoke.Banned},
			"an unknown sign-in":  {SID: "none", Reason: revoke.ByPerson},
			"no text":             {SID: "\xff\x00", Reason: revoke.ByPerson},
			"an enormous sid":     {SID: strings.Repeat("x", 100_000), Reason: revoke.ByPerson},
			"an enormous person":  {UserID: strings.Repeat("x", 100_000), Reason: revoke.Banned},
			"an expired token":    {Token: "a.b", Until: time.Now().Add(-time.Second), Reason: revoke.TokenRevoked},
			"a token without end": {Token: "a.b", Reason: revoke.TokenRevoked},
		} {
			done, err := h.service.Revoke(h.Context(), a)
			if err != nil || done.Ended != 0 || !done.Confirmed {
				h.Errorf("%s: %+v, %v", name, done, err)
			}
		}
		if n := h.count("SELECT COUNT(*) FROM revocations"); n != 0 {
			h.Errorf("%d revocations of nothing", n)
		}
		for name, a := range map[string]revoke.Request{
			"nothing": {Reason: revoke.Banned}, "no reason": {SID: in.SID}, "two": {SID: in.SID, UserID: u.ID, Reason: revoke.Banned},
		} {
			if _, err := h.service.Revoke(h.Context(), a); err == nil {
				h.Errorf("%s: no error", name)
			}
		}
		var first revoke.Receipt
		for i := range 3 {
			done, err := h.service.Revoke(h.Context(), revoke.Request{SID: in.SID, Reason: revoke.ByPerson})
			h.check(err)
			if i == 0 {
				first = done
			}
			if done.ID != first.ID || (i > 0) != (done.Ended == 0) || !done.Confirmed {
				h.Errorf("time %d: %+v", i+1, done)
			}
			if _, err := h.service.Revoke(h.Context(), revoke.Request{Token: "grant.token", Until: later, Reason: revoke.TokenRevoked}); err != nil {
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
		_, err = h.service.Revoke(h.Context(), revoke.Request{SID: in.SID, Reason: revoke.ByPerson})
		h.check(err)
		if after, err := h.log.State(h.Context()); err != nil || after.Position != before.Position {
			h.Errorf("the log grew from %d to %d, %v", before.Position, after.Position, err)
		}
	})
}

func TestRevoke_NotesThatAreTooLong(t *testing.T) {
	each(t, func(h *house) {
		u, _ := h.person("maria@example.com")
		_, err := h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Reason: revoke.Banned, Note: strings.Repeat("x", 2001)})
		var shown *web.Error
		if !errors.As(err, &shown) || shown.Status != 422 || !strings.Contains(shown.Message, "too long") {
			h.Errorf("%v", err)
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			h.Error("it was done all the same")
		}
		_, err = h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Reason: revoke.Banned, Note: strings.Repeat("ü", 1000)})
		h.check(err)
		_, other := h.person("otto@example.com")
		_, err = h.service.Revoke(h.Context(), revoke.Request{SID: other.SID, Reason: revoke.EndedByAdmin, Note: "a\x00b\xff"})
		h.check(err)
		if n := h.count("SELECT COUNT(*) FROM revocations WHERE note = 'ab'"); n != 1 {
			h.Error("a note that no database takes was lost")
		}
	})
}

func TestRevoke_ChangesThatFailEndNothing(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		_, err := h.service.Revoke(h.Context(), revoke.Request{
			UserID: u.ID, Reason: revoke.PasswordChanged, With: []store.Change{store.ChangePassword(u.ID, "another", "new", time.Now())},
		})
		if !errors.Is(err, store.ErrStale) {
			h.Fatal(err)
		}
		if _, got, err := h.store.UserAndSignIn(h.Context(), in.SID); err != nil || !got.EndedAt.IsZero() {
			h.Errorf("%+v, %v", got, err)
		}
		// Changes are made even where there is nobody to sign out.
		done, err := h.service.Revoke(h.Context(), revoke.Request{
			SID: "\x00", Reason: revoke.PasswordChanged, With: []store.Change{store.ChangePassword(u.ID, u.PasswordHash, "new", time.Now())},
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
func TestRevoke_RedisAway(t *testing.T) {
	server, rdb := env.OwnRedis(t, "", func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
	h := newHouse(t, env.DB(t, "portal"), rdb)
	mine, in := h.person("maria@example.com")
	banned, _ := h.person("otto@example.com")
	mirror := env.Denied(t, rdb, "shop")
	server.Stop()
	if err := revoke.Confirmed(h.service.Revoke(t.Context(), revoke.Request{SID: in.SID, Reason: revoke.ByPerson})); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("a person's own sign-out: %v", err)
	}
	done, err := h.service.Revoke(t.Context(), revoke.Request{UserID: banned.ID, Reason: revoke.Banned})
	if err != nil || done.Confirmed || done.Ended != 1 || len(done.Clients) != 1 {
		t.Fatalf("an admin's ban: %+v, %v", done, err)
	}
	if _, kept, err := h.service.Receipt(t.Context(), done.ID); err != nil || kept.Confirmed {
		t.Errorf("the receipt: %+v, %v", kept, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.service.Run(ctx) }()
	defer func() { cancel(); <-stopped }()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shop refuses both", func() bool {
		return errors.Is(mirror.Check(mine.ID, in.SID, "", in.CreatedAt), denylist.ErrDenied) &&
			errors.Is(mirror.Check(banned.ID, "", "", time.Now().Add(-time.Hour)), denylist.ErrDenied)
	})
	eventually(t, "the receipt is complete", func() bool {
		_, kept, err := h.service.Receipt(t.Context(), done.ID)
		return err == nil && kept.Confirmed && kept.Denylist.Position > 0 && kept.Ended == 1 && len(kept.Clients) == 1
	})
	if err := revoke.Confirmed(h.service.Revoke(t.Context(), revoke.Request{SID: in.SID, Reason: revoke.ByPerson})); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// A replica was killed after its transaction: another one writes a receipt.
func TestSync_MakesTheReceiptOfAReplicaThatWasKilled(t *testing.T) {
	each(t, func(h *house) {
		u, _ := h.person("maria@example.com")
		now := time.Now()
		_, err := h.store.EndSignIns(h.Context(), store.EndRequest{
			ID: "killed", UserID: u.ID, Reason: revoke.Banned, Client: "portal", Scope: "everywhere", Now: now, Until: now.Add(time.Hour), RetryFrom: now,
		})
		h.check(err)
		h.check(h.service.Sync(h.Context()))
		eventually(h.T, "a receipt", func() bool {
			kept, done, err := h.service.Receipt(h.Context(), "killed")
			return err == nil && done.Confirmed && kept.UserID == u.ID && kept.Reason == revoke.Banned
		})
	})
}

func TestRevoke_AllButOneSignIn(t *testing.T) {
	each(t, func(h *house) {
		u, first := h.person("maria@example.com")
		second, third := h.signIn(u), h.signIn(u)
		receipt, err := h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Except: first.SID, Reason: revoke.PasswordChanged})
		if receipt.Ended != 2 || !receipt.Confirmed || err != nil {
			h.Fatalf("%+v, %v", receipt, err)
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
		for sid, denied := range map[string]bool{first.SID: false, second.SID: true, third.SID: true} {
			if err := mirror.Check(u.ID, sid, "", first.CreatedAt); errors.Is(err, denylist.ErrDenied) != denied {
				h.Errorf("%s: %v", sid, err)
			}
		}
		receipt, err = h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Reason: revoke.Everywhere})
		if receipt.Ended != 1 || err != nil {
			h.Errorf("all: %+v, %v", receipt, err)
		}
		if err := mirror.Check(u.ID, first.SID, "", first.CreatedAt); !errors.Is(err, denylist.ErrDenied) {
			h.Errorf("after all: %v", err)
		}
	})
}

// A person with more sign-ins than one batch: all are denied when Revoke returns, and end afterwards, with their
// sessions, notices and a complete receipt.
func TestRevoke_MoreSignInsThanABatch(t *testing.T) {
	each(t, func(h *house) {
		const all = 3*revoke.MaxDenialBatch + 1
		u, first := h.person("maria@example.com")
		h.crowd(u, all-1)
		receipt, err := h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Reason: revoke.Banned})
		h.check(err)
		if receipt.Ended != revoke.MaxDenialBatch || !receipt.Ending || !receipt.Confirmed {
			h.Errorf("%+v", receipt)
		}
		if n := h.count("SELECT COUNT(*) FROM revocations"); n != 1 {
			h.Errorf("%d revocations", n)
		}
		living := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL")
		if living != all-revoke.MaxDenialBatch {
			h.Errorf("%d are still to be ended", living)
		}
		var left string // one that is denied and has not ended: it is over for the portal, too
		h.check(h.db.GetContext(h.Context(), &left, `SELECT sid FROM sign_ins WHERE ended_at IS NULL LIMIT 1`))
		if _, in, err := h.store.UserAndSignIn(h.Context(), left); err != nil || in.EndedAt.IsZero() {
			h.Errorf("%+v, %v", in, err)
		}
		if _, err := h.store.SignInIdentity(h.Context(), left, "shop", time.Now()); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("a code for it: %v", err)
		}
		if err := h.store.Reauthenticate(h.Context(), u.ID, left, u.PasswordHash, time.Now()); !errors.Is(err, store.ErrStale) {
			h.Errorf("its owner signed in again: %v", err)
		}
		defer h.run(h.service)()
		eventually(h.T, "all have ended", func() bool { return h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL") == 0 })
		eventually(h.T, "the receipt is complete", func() bool {
			_, kept, err := h.service.Receipt(h.Context(), receipt.ID)
			return err == nil && kept.Ended == all && !kept.Ending && kept.Denylist.Confirmed() == receipt.Denylist.Confirmed()
		})
		if n := h.count("SELECT COUNT(*) FROM backchannel_outbox WHERE ending = ?", receipt.ID); n != all {
			h.Errorf("%d notices", n)
		}
		if n := h.count("SELECT COUNT(*) FROM revocations WHERE tidy_at IS NOT NULL"); n != 0 {
			h.Error("it goes on")
		}
		_ = first
	})
}

// The replica that denied a person was killed before it ended any sign-in: another one does, once the lease is over.
func TestFinishDenials_ContinueWhereAnotherReplicaStopped(t *testing.T) {
	each(t, func(h *house) {
		u, _ := h.person("maria@example.com")
		h.crowd(u, revoke.MaxDenialBatch)
		now := time.Now()
		ending := store.EndRequest{
			ID: "killed", UserID: u.ID, Reason: revoke.AccountDeleted, Client: "portal", Scope: "everywhere", Now: now, Until: now.Add(time.Hour),
			RetryFrom: now.Add(time.Minute),
		}
		_, err := h.store.EndSignIns(h.Context(), ending)
		h.check(err)
		h.check(h.service.FinishDenials(h.Context()))
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NOT NULL"); n != 0 {
			h.Errorf("%d ended while another replica may be at it", n)
		}
		_, err = h.db.ExecContext(h.Context(), `UPDATE revocations SET tidy_at = 1`)
		h.check(err)
		h.check(h.service.FinishDenials(h.Context()))
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL OR ip <> '' OR user_agent <> ''"); n != 0 {
			h.Errorf("%d live on, or tell of a person who is no more", n)
		}
	})
}

// The number of statements before the denial commits does not depend on how many sign-ins there are.
func TestRevoke_DeniesAPersonInAConstantNumberOfStatements(t *testing.T) {
	each(t, func(h *house) {
		counts := map[int]int{}
		for _, signIns := range []int{1, 20_000} {
			u, _ := h.person(fmt.Sprintf("maria-%d@example.com", signIns))
			h.crowd(u, signIns-1)
			now := time.Now()
			statements := env.CountStatements(h.T, h.db, func(counted *db.DB) {
				counting, err := store.New(counted)
				h.check(err)
				out, err := counting.EndSignIns(h.Context(), store.EndRequest{
					ID: u.ID, UserID: u.ID, Reason: revoke.Banned, Client: "portal", Scope: "everywhere", Now: now, Until: now.Add(time.Hour), RetryFrom: now,
					With: []store.Change{store.BanUser(u.ID, "spam", time.Time{}, now)},
				})
				h.check(err)
				if len(out.Revocations) != 1 || len(out.Ended) != 0 {
					h.Errorf("%+v", out)
				}
			})
			counts[signIns] = statements
		}
		if counts[1] == 0 || counts[1] != counts[20_000] {
			h.Errorf("statements by sign-ins: %v", counts)
		}
	})
}

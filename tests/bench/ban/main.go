//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/tests/bench/setting"
	"gatehouse.example/tests/env"
)

func main() {
	signIns := flag.Int("sign-ins", 1_000_000, "active sign-ins of the large account")
	bans := flag.Int("bans", 20, "bans of each account, and sign-ins of others")
	flag.Parse()
	fmt.Println(setting.Machine())
	fmt.Printf("Medians of %d, in milliseconds; %d sign-ins.\n\n", *bans, *signIns)
	fmt.Println("| Database | Ban with 1 sign-in | Ban with many | Ratio | Sign-in of another, alone | While the many end | Ratio | All ended after |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		if err := measure(kind, *signIns, *bans); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", kind, err)
			os.Exit(1)
		}
	}
}

// house holds the parts of a portal that a ban needs.
type house struct {
	db       *db.DB
	records  *store.Store
	sessions *session.Store
	hasher   *password.Hasher
	revoker  *revoke.Service
	seq      int
}

func measure(kind string, signIns, bans int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := env.StartRedis("")
	if err != nil {
		return err
	}
	defer server.Stop()
	rdb, err := setting.OpenRedis(server.URL())
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	url, clean, err := database(kind)
	if err != nil {
		return err
	}
	defer clean()
	h, err := open(ctx, url, rdb)
	if err != nil {
		return err
	}
	defer func() { _ = h.db.Close() }()
	follower := *rdb.Options()
	own := redis.NewClient(&follower)
	defer func() { _ = own.Close() }()
	mirror, err := denylist.NewMirror(denylist.Options{Redis: own, Service: "shop", Replica: "shop-1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	go func() { _ = mirror.Run(ctx) }()
	for mirror.Ready(ctx) != nil {
		time.Sleep(time.Millisecond)
	}
	large, err := h.person(ctx)
	if err != nil {
		return err
	}
	if err := h.crowd(ctx, large, signIns); err != nil {
		return err
	}
	var one, many, alone, beside []time.Duration
	for range bans {
		small, err := h.person(ctx)
		if err != nil {
			return err
		}
		for _, each := range []struct {
			who   store.User
			times *[]time.Duration
		}{{small, &one}, {large, &many}} {
			took, err := h.ban(ctx, each.who)
			if err != nil {
				return err
			}
			*each.times = append(*each.times, took)
		}
		took, err := h.signIn(ctx)
		if err != nil {
			return err
		}
		alone = append(alone, took)
	}
	began := time.Now()
	finished := make(chan error, 1)
	// Expire the lease that each ban holds.
	if _, err := h.db.ExecContext(ctx, `UPDATE revocations SET tidy_at = 1 WHERE tidy_at IS NOT NULL`); err != nil {
		return err
	}
	go func() { finished <- h.revoker.FinishDenials(ctx) }()
	for tidying := true; tidying || len(beside) < bans; {
		select {
		case err := <-finished:
			if err != nil {
				return err
			}
			if tidying = false; len(beside) < bans {
				return fmt.Errorf("only %d sign-ins while the many ended: ask for more sign-ins", len(beside))
			}
			continue
		default:
		}
		took, err := h.signIn(ctx)
		if err != nil {
			return err
		}
		beside = append(beside, took)
	}
	fmt.Printf("| %s | %s | %s | %.2f | %s | %s | %.2f | %.0f s |\n", kind, ms(one), ms(many), ratio(many, one), ms(alone), ms(beside), ratio(beside, alone),
		time.Since(began).Seconds())
	return nil
}

func database(kind string) (url string, clean func(), err error) {
	if kind == "PostgreSQL" {
		server, err := env.StartPostgres("")
		if err != nil {
			return "", nil, err
		}
		return server.URL(), server.Stop, nil
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	return "sqlite:" + dir, func() { _ = os.RemoveAll(dir) }, err
}

func open(ctx context.Context, url string, rdb *redis.Client) (*house, error) {
	h := &house{}
	var err error
	if h.db, err = db.Open(ctx, url, "portal"); err != nil {
		return nil, err
	}
	if err := h.db.Migrate(ctx); err != nil {
		return nil, err
	}
	if h.records, err = store.New(h.db); err != nil {
		return nil, err
	}
	if h.hasher, err = password.NewHasher(password.Options{}); err != nil {
		return nil, err
	}
	if h.sessions, err = session.New(rdb, session.Options{Service: "portal", Keys: [][]byte{[]byte("a key of the bench, 32 bytes long")}}); err != nil {
		return nil, err
	}
	log, err := denylist.NewLog(rdb)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	h.revoker, err = revoke.New(revoke.Deps{Records: h.records, Log: log, Sessions: h.sessions, Sender: nobody{}, Now: time.Now, Logger: quiet})
	if err != nil {
		return nil, err
	}
	return h, h.revoker.Sync(ctx)
}

// The sender of sign-out notices sends none: no client has an address for them.
type nobody struct{}

func (nobody) Deliver(context.Context, []store.Notice) []backchannel.Result { return nil }

// person registers an account with one sign-in and returns its user.
func (h *house) person(ctx context.Context) (store.User, error) {
	now := time.Now()
	h.seq++
	u := store.User{
		ID: tokens.NewID(), Name: "Somebody", Email: fmt.Sprintf("p%d@example.com", h.seq), EmailNormalised: fmt.Sprintf("p%d@example.com", h.seq),
		PasswordHash: "none", Roles: []string{"customer"}, CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
	}
	return u, h.records.Register(ctx, u, store.SignIn{SID: tokens.NewID(), UserID: u.ID, CreatedAt: now, LastSeenAt: now})
}

// crowd inserts n sign-ins of u with SQL.
func (h *house) crowd(ctx context.Context, u store.User, n int) error {
	_, err := h.db.ExecContext(ctx, `INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, ip, user_agent)
		WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < `+strconv.Itoa(n)+`)
		SELECT users.id || '-' || i, users.id, $2, $2, '192.0.2.1', 'bench' FROM series, users WHERE users.id = $1`, u.ID, db.Millis(time.Now()))
	if err == nil && h.db.Dialect == db.Postgres {
		_, err = h.db.ExecContext(ctx, `ANALYZE`)
	}
	return err
}

// ban bans u as the admin console does, and returns the time until the ban was confirmed.
func (h *house) ban(ctx context.Context, u store.User) (time.Duration, error) {
	began := time.Now()
	r, err := h.revoker.Revoke(ctx, revoke.Request{
		UserID: u.ID, Reason: revoke.Banned, Note: "measured", By: "bench", With: []store.Change{store.BanUser(u.ID, "measured", time.Time{}, began)},
	})
	took := time.Since(began)
	if err == nil && r.Denylist.Confirmed() != 1 {
		err = fmt.Errorf("not confirmed: %+v", r)
	}
	if err == nil {
		err = h.records.Apply(ctx, store.UnbanUser(u.ID, time.Now()))
	}
	return took, err
}

// signIn signs a new user in, and returns the time that it took.
func (h *house) signIn(ctx context.Context) (time.Duration, error) {
	u, err := h.person(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := h.hasher.Hash(ctx, "a password of somebody"); err != nil {
		return 0, err
	}
	in := store.SignIn{SID: tokens.NewID(), UserID: u.ID, CreatedAt: began, LastSeenAt: began}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sign-in", nil)
	if in.SessionKey, err = h.sessions.Start(ctx, httptest.NewRecorder(), r, session.Record{Subject: u.ID, SID: in.SID, AuthTime: began}); err != nil {
		return 0, err
	}
	err = h.records.SignIn(ctx, in, u.PasswordHash)
	return time.Since(began), err
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func ms(times []time.Duration) string {
	return strconv.FormatFloat(float64(median(times).Microseconds())/1000, 'f', 1, 64)
}

func ratio(a, b []time.Duration) float64 { return float64(median(a)) / float64(median(b)) }

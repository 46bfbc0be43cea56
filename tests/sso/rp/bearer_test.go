package rp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/tests/env"
)

// guarded is a replica of an API with the real denylist.
type guarded struct {
	*httptest.Server
	mirror *denylist.Mirror
}

const apiURL = "https://api.example"

// apis are replicas of one API, which follow the denylist in rdb.
func apis(t *testing.T, p *provider, rdb redis.UniversalClient, n int) []guarded {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { stop(); running.Wait() })
	all := make([]guarded, n)
	for i := range all {
		mirror, err := denylist.NewMirror(denylist.Options{Redis: rdb, Service: "api", Replica: "api-" + string(rune('1'+i)), Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { _ = mirror.Run(ctx) })
		auth, err := echorp.New(rp.Config{
			Issuer: p.URL, ClientID: clientID, ClientSecret: secret, BaseURL: apiURL, Service: "api", Keys: testKeys, Redis: rdb, Logger: log, Denied: mirror,
		})
		if err != nil {
			t.Fatal(err)
		}
		e := echo.New()
		e.GET("/things", func(c echo.Context) error { return c.String(http.StatusOK, rp.Claims(c.Request()).Subject) }, auth.Bearer("things:read"))
		e.GET("/numbers", func(c echo.Context) error { return c.String(http.StatusOK, rp.Claims(c.Request()).Subject) }, auth.Bearer("things:read", "analyst", "admin"))
		all[i] = guarded{httptest.NewServer(e), mirror}
		t.Cleanup(all[i].Close)
	}
	return all
}

// ready waits until all replicas know the denylist.
func ready(t *testing.T, all []guarded) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for _, a := range all {
		for a.mirror.Ready(t.Context()) != nil {
			if time.Now().After(deadline) {
				t.Fatal("a mirror is never ready")
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// newDenylist is the denylist as the portal writes it, with nothing denied yet.
func newDenylist(t *testing.T, rdb redis.UniversalClient) *denylist.Log {
	t.Helper()
	log, err := denylist.NewLog(rdb)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Rebuild(t.Context(), 0, func(func(denylist.Entry, error) bool) {}); err != nil {
		t.Fatal(err)
	}
	return log
}

func (p *provider) access(spoil jwt.MapClaims) string {
	c := p.claims(apiURL)
	c["jti"], c["client_id"], c["scope"], c["sid"], c["roles"] = "family.unique", "forum", "things:read", "sid-1", []string{"customer"}
	for name, value := range spoil {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return "Bearer " + p.sign("at+jwt", c)
}

// Each thing that can be revoked, with a token that it denies and one that is nearly the same and stays good; on every
// replica, with tokens that were used before, so that they are remembered.
func TestBearer_ARevokedTokenIsRefusedThoughItIsRemembered(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		log := newDenylist(t, rdb)
		all := apis(t, p, rdb, 3)
		ready(t, all)
		now := time.Now().Truncate(time.Second)
		for name, tc := range map[string]struct {
			deny         denylist.Entry
			denied, good jwt.MapClaims
		}{
			"a sign-in": {denylist.Entry{Kind: denylist.SignIn, Value: "ended"}, jwt.MapClaims{"sid": "ended"}, jwt.MapClaims{"sid": "other"}},
			"a token":   {denylist.Entry{Kind: denylist.Token, Value: "f.one"}, jwt.MapClaims{"jti": "f.one"}, jwt.MapClaims{"jti": "f.two"}},
			"a grant":   {denylist.Entry{Kind: denylist.Token, Value: "g"}, jwt.MapClaims{"jti": "g.one"}, jwt.MapClaims{"jti": "h.one"}},
			"a person": {
				denylist.Entry{Kind: denylist.Subject, Value: "mallory", Before: now},
				jwt.MapClaims{"sub": "mallory", "auth_time": now.Add(-time.Second).Unix()}, jwt.MapClaims{"sub": "mallory", "auth_time": now.Unix()},
			},
			"a program": {
				denylist.Entry{Kind: denylist.Subject, Value: "robot", Before: now},
				jwt.MapClaims{"sub": "robot", "client_id": "robot", "sid": nil, "auth_time": nil, "iat": now.Add(-time.Second).Unix()},
				jwt.MapClaims{"sub": "robot", "client_id": "robot", "sid": nil, "auth_time": nil, "iat": now.Unix()},
			},
		} {
			denied, good := p.access(tc.denied), p.access(tc.good)
			ask := func(a guarded, bearer string) page {
				return newBrowser(t).get(a.URL+"/things", "Authorization", bearer)
			}
			for _, a := range all {
				for _, bearer := range []string{denied, denied, good} {
					if got := ask(a, bearer); got.status != http.StatusOK {
						t.Fatalf("%s, before: %d %s", name, got.status, got.body)
					}
				}
			}
			e := tc.deny
			e.Reason, e.At, e.Until = denylist.TokenRevoked, time.Now(), time.Now().Add(time.Minute)
			w, err := log.Write(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if r := log.Await(t.Context(), w, 10*time.Second, nil); r.Confirmed() != len(all) {
				t.Fatalf("%s: confirmed by %d of %d", name, r.Confirmed(), len(all))
			}
			for i, a := range all {
				got := ask(a, denied)
				if says := got.header.Get("WWW-Authenticate"); got.status != http.StatusUnauthorized || !strings.Contains(says, `error="invalid_token"`) {
					t.Errorf("%s, replica %d: %d %q", name, i+1, got.status, says)
				}
				if got := ask(a, good); got.status != http.StatusOK {
					t.Errorf("%s, replica %d refuses what was not revoked: %d %s", name, i+1, got.status, got.header.Get("WWW-Authenticate"))
				}
			}
		}
	})
}

// stub is a denylist that answers as a test tells it.
type stub struct {
	rp.Denylist
	err error
}

func (s *stub) Check(string, string, string, time.Time) error { return s.err }

func TestBearer_WhatTheDenylistSays(t *testing.T) {
	p := newProvider(t)
	denied := &stub{}
	auth, err := echorp.New(rp.Config{
		Issuer: p.URL, ClientID: clientID, ClientSecret: secret, BaseURL: apiURL, Service: "api", Keys: testKeys, Redis: env.MiniRedis(t), Denied: denied,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.GET("/things", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, auth.Bearer("things:read"))
	srv := httptest.NewServer(e)
	defer srv.Close()
	good, forged, lesser := p.access(nil), p.access(nil)+"x", p.access(jwt.MapClaims{"scope": "other"})
	for name, tc := range map[string]struct {
		bearer     string
		err        error
		status     int
		says       string
		retryAfter bool
	}{
		"good":                     {good, nil, 204, "", false},
		"revoked":                  {good, denylist.ErrDenied, 401, `error="invalid_token"`, false},
		"nobody knows":             {good, denylist.ErrStale, 503, "", true},
		"something else":           {good, errors.New("x"), 503, "", true},
		"forged, and nobody knows": {forged, denylist.ErrStale, 401, `error="invalid_token"`, false},
		"revoked, without scope":   {lesser, denylist.ErrDenied, 401, `error="invalid_token"`, false},
		"without scope":            {lesser, nil, 403, `error="insufficient_scope"`, false},
	} {
		denied.err = tc.err
		got := newBrowser(t).get(srv.URL+"/things", "Authorization", tc.bearer)
		says := got.header.Get("WWW-Authenticate")
		if got.status != tc.status || !strings.Contains(says, tc.says) || (says == "") != (tc.says == "") || (got.header.Get("Retry-After") != "") != tc.retryAfter {
			t.Errorf("%s: %d %q, Retry-After %q", name, got.status, says, got.header.Get("Retry-After"))
		}
	}
}

func TestBearer_Roles(t *testing.T) {
	rdb := env.MiniRedis(t)
	newDenylist(t, rdb)
	p := newProvider(t)
	all := apis(t, p, rdb, 1)
	ready(t, all)
	for name, tc := range map[string]struct {
		claims jwt.MapClaims
		status int
		says   string
	}{
		"an analyst":               {jwt.MapClaims{"roles": []string{"customer", "analyst"}}, 200, ""},
		"a customer":               {nil, 403, `scope="roles things:read"`},
		"no roles":                 {jwt.MapClaims{"roles": nil}, 403, `error="insufficient_scope"`},
		"a program":                {jwt.MapClaims{"sub": "forum", "sid": nil, "auth_time": nil, "roles": nil}, 200, ""},
		"another's subject":        {jwt.MapClaims{"sub": "shop", "sid": nil, "auth_time": nil, "roles": nil}, 403, `error="insufficient_scope"`},
		"a person named as client": {jwt.MapClaims{"sub": "forum", "roles": nil}, 403, `error="insufficient_scope"`},
		"an analyst without scope": {jwt.MapClaims{"roles": []string{"analyst"}, "scope": "roles"}, 403, `scope="things:read"`},
	} {
		got := newBrowser(t).get(all[0].URL+"/numbers", "Authorization", p.access(tc.claims))
		if says := got.header.Get("WWW-Authenticate"); got.status != tc.status || !strings.Contains(says, tc.says) {
			t.Errorf("%s: %d %q", name, got.status, says)
		}
	}
}

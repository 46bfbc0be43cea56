package portal_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"gatehouse.example/portal/password"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

// demoPassword is that of the demo accounts, and of the people whom person makes.
const demoPassword = "gatehouse-demo"

// person stores somebody who may sign in, and returns the email.
func (h *house) person(email string) string {
	h.t.Helper()
	hasher, err := password.NewHasher(h.deps.Passwords)
	if err != nil {
		h.t.Fatal(err)
	}
	hash, err := hasher.Hash(h.t.Context(), demoPassword)
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := store.New(h.db)
	if err != nil {
		h.t.Fatal(err)
	}
	now := h.clock.now()
	if err := s.SeedUsers(h.t.Context(), []store.User{{
		ID: "id-" + strings.Split(email, "@")[0], Email: email, EmailNormalised: email, Name: "Somebody", PasswordHash: hash, Roles: []string{"customer"},
		CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
	}}); err != nil {
		h.t.Fatal(err)
	}
	return email
}

// entered is a sign-in that has opened an app twice.
type entered struct {
	browser  *http.Client
	denied   *denylist.Mirror // an app's
	sub, sid string
	auth     time.Time
	grants   []grant
}

// grant is what a code was exchanged for, and refreshed once.
type grant struct {
	code, id string
	access   [2]string // the first one, and the one of the refresh
	used     string    // the refresh token of before
	refresh  string
}

type claims struct {
	Subject  string `json:"sub"`
	SID      string `json:"sid"`
	ID       string `json:"jti"`
	AuthTime int64  `json:"auth_time"`
}

// enter signs a person in with a new browser and opens client one.
func (h *house) enter(email string, denied *denylist.Mirror) *entered {
	h.t.Helper()
	b := h.browser()
	h.signIn(b, "/", "email", email)
	return h.enterWith(b, denied)
}

// enterWith opens client one with a browser that is signed in.
func (h *house) enterWith(b *http.Client, denied *denylist.Mirror) *entered {
	h.t.Helper()
	e := &entered{browser: b, denied: denied}
	for range 2 {
		g := grant{code: h.code(b, "scope", "openid offline_access")}
		set := h.tokens(exchange(g.code))
		g.id, g.access[0], g.used = text(set, "id_token"), text(set, "access_token"), text(set, "refresh_token")
		set = h.tokens(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.used}})
		g.access[1], g.refresh = text(set, "access_token"), text(set, "refresh_token")
		e.grants = append(e.grants, g)
	}
	c := h.claims(e.grants[0].access[0])
	e.sub, e.sid, e.auth = c.Subject, c.SID, time.Unix(c.AuthTime, 0)
	return e
}

// claims reads a token without checking it.
func (h *house) claims(token string) (c claims) {
	h.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// withCookies is another browser with the same cookies.
func (h *house) withCookies(b *http.Client) *http.Client {
	h.t.Helper()
	copied := h.browser()
	u, err := url.Parse(h.issuer)
	if err != nil {
		h.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	jar.SetCookies(u, b.Jar.Cookies(u))
	copied.Jar = jar
	return copied
}

// portal tells whether the portal knows who it is.
func (e *entered) portal(h *house) bool {
	h.t.Helper()
	return h.get(e.browser, "/profile").status == http.StatusOK
}

// app tells whether an app lets a session of this sign-in in: it asks its mirror of the denylist.
func (e *entered) app() bool { return e.let("") }

func (e *entered) let(jti string) bool {
	for {
		err := e.denied.Check(e.sub, e.sid, jti, e.auth)
		if !errors.Is(err, denylist.ErrStale) { // a machine under load; then it answers nobody
			return err == nil
		}
		time.Sleep(time.Millisecond)
	}
}

// token tells whether an access token opens an app, and the portal's userinfo: both must agree.
func (e *entered) token(h *house, access string) bool {
	h.t.Helper()
	let := e.let(h.claims(access).ID)
	a := h.userinfo(access)
	for a.status == http.StatusServiceUnavailable {
		a = h.userinfo(access)
	}
	if (a.status == http.StatusOK) != let {
		h.t.Errorf("an app says %v of a token, and userinfo %d %s", let, a.status, a.body)
	}
	return let
}

// refresh tells whether a refresh token still gives another.
func (h *house) refresh(token string) bool {
	h.t.Helper()
	return h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}).status == http.StatusOK
}

// alive tells whether all of a sign-in is let in.
func (e *entered) alive(h *house) bool {
	h.t.Helper()
	return e.portal(h) && e.app() && e.token(h, e.grants[0].access[0]) && h.refresh(e.grants[0].refresh)
}

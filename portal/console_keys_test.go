package portal_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/portal"
	"gatehouse.example/portal/keys"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/token"
)

// jwks are the ids of the published keys, by algorithm.
func (h *house) jwks() map[string][]string {
	h.t.Helper()
	a := h.get(h.browser(), "/oauth/jwks")
	var set struct{ Keys []struct{ KID, Alg string } }
	if err := json.Unmarshal([]byte(a.body), &set); err != nil || a.header.Get("Cache-Control") != "public, max-age=300" {
		h.t.Fatalf("%v, %q", err, a.header.Get("Cache-Control"))
	}
	all := map[string][]string{}
	for _, k := range set.Keys {
		all[k.Alg] = append(all[k.Alg], k.KID)
	}
	return all
}

// server is another server of the house that knows the keys it is told.
type server struct {
	mu   sync.Mutex
	kids []string
}

func (s *server) learn(kids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kids = kids
}

func (h *house) another(name string) *server {
	h.t.Helper()
	s := &server{}
	m, err := denylist.NewMirror(denylist.Options{Redis: h.rdb, Service: "shop", Replica: name, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.t.Fatal(err)
	}
	m.Describe(func(r *denylist.Report) {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.KIDs = slices.Clone(s.kids)
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	h.t.Cleanup(func() { stop(); <-done })
	return s
}

// await asks until a page says what is expected.
func (h *house) await(b *http.Client, path, says string) answer {
	h.t.Helper()
	var a answer
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if a = h.get(b, path); strings.Contains(a.body, says) {
			return a
		}
	}
	h.t.Fatalf("%s never says %q: %s", path, says, a.body)
	return a
}

var activateLink = regexp.MustCompile(`/admin/keys/([^/]+)/activate`)

func TestConsole_RotateAndActivateAKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		before := h.jwks()
		for range 2 { // a second click does nothing
			if a := h.post(admin, "/admin/keys/rotate", url.Values{"alg": {"ES256"}}); a.status != http.StatusSeeOther || a.to.Path != "/admin/keys" {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		if a := h.post(admin, "/admin/keys/rotate", url.Values{"alg": {"none"}}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("an unknown algorithm: %d", a.status)
		}
		kid := firstOf(t, activateLink, h.get(admin, "/admin/keys").body)
		if published := h.jwks()["ES256"]; len(published) != 2 || !slices.Contains(published, kid) {
			t.Fatalf("%v are published", published)
		}

		// Two servers: one has seen the new key, one has not.
		quick, slow := h.another("shop-1"), h.another("shop-2")
		quick.learn(kid, before["ES256"][0])
		slow.learn(before["ES256"][0])
		h.await(admin, "/admin/keys", "On 2 of 3")
		h.await(admin, "/admin/keys", "Missing: shop-2")
		page := "/admin/keys/" + kid + "/activate"
		refused := h.post(admin, page, nil)
		if refused.status != http.StatusConflict || !strings.Contains(refused.body, "Some servers may not have the key yet") {
			t.Errorf("activated too early: %d", refused.status)
		}
		if a := h.post(admin, page, url.Values{"anyway": {"yes"}}); a.status != http.StatusSeeOther {
			t.Fatalf("activated anyway: %d %s", a.status, a.body)
		}
		if a := h.post(admin, page, url.Values{"anyway": {"yes"}}); a.status != http.StatusSeeOther {
			t.Errorf("activated twice: %d", a.status)
		}
		person := h.browser()
		h.signIn(person, "/")
		access := text(h.tokens(exchange(h.code(person))), "access_token")
		if header := headerOf(t, access); header["kid"] != kid {
			t.Errorf("an access token is signed with %v and not with %s", header["kid"], kid)
		}
		if a := h.get(admin, page); a.status != http.StatusSeeOther {
			t.Errorf("activate what is active: %d", a.status)
		}
		rows := h.audited()
		if len(rows) != 2 || rows[0].Action != "key.activated_unseen" || rows[1].Action != "key.rotated" || rows[0].TargetID != kid {
			t.Errorf("the audit has %+v", rows)
		}

		// Withdrawn, nothing that it signed is believed, and another signs.
		if a := h.userinfo(access); a.status != http.StatusOK {
			t.Fatalf("userinfo: %d", a.status)
		}
		if a := h.get(admin, "/admin/keys/"+kid+"/withdraw"); a.status != http.StatusOK || !strings.Contains(a.body, "Every access token that it signed is refused") {
			t.Errorf("the question: %d", a.status)
		}
		for range 2 {
			if a := h.post(admin, "/admin/keys/"+kid+"/withdraw", nil); a.status != http.StatusSeeOther {
				t.Fatalf("withdraw: %d %s", a.status, a.body)
			}
		}
		if a := h.userinfo(access); a.status != http.StatusUnauthorized {
			t.Errorf("userinfo with a token of a withdrawn key: %d", a.status)
		}
		if published := h.jwks()["ES256"]; slices.Contains(published, kid) || len(published) != 2 {
			t.Errorf("%v are published", published)
		}
		h.await(admin, "/admin/keys", "Still accepted by 1")
		quick.learn()
		h.await(admin, "/admin/keys", "Not accepted")
		if a := h.userinfo(text(h.tokens(exchange(h.code(person))), "access_token")); a.status != http.StatusOK {
			t.Errorf("userinfo with a token of the key in its place: %d", a.status)
		}
		if a := h.get(admin, "/admin/keys/nothing/withdraw"); a.status != http.StatusNotFound {
			t.Errorf("withdraw nothing: %d", a.status)
		}
	})
}

func headerOf(t testing.TB, raw string) map[string]any {
	t.Helper()
	head, _, _ := strings.Cut(raw, ".")
	var header map[string]any
	plain, err := base64.RawURLEncoding.DecodeString(head)
	if err == nil {
		err = json.Unmarshal(plain, &header)
	}
	if err != nil {
		t.Fatal(err)
	}
	return header
}

// A relying party follows a rotation of a real portal, and what was signed before it stays good.
func TestKeys_ARelyingPartyFollowsARotation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, stop := contextOf(t)
		defer stop()
		run := func(a *portal.App) {
			if err := a.Run(ctx); err != nil {
				t.Error(err)
			}
		}
		go run(h.app)
		other := h.deps
		other.Replica = "portal-2"
		second, err := portal.New(ctx, other)
		if err != nil {
			t.Fatal(err)
		}
		go run(second)

		remote := token.NewRemoteKeys(&http.Client{Transport: h.transport()}, func(context.Context) (string, error) { return h.issuer + "/oauth/jwks", nil })
		verifier, err := token.NewVerifier(h.issuer, h.issuer, remote, h.clock.now)
		if err != nil {
			t.Fatal(err)
		}
		admin, person := h.asAdmin(), h.browser()
		h.signIn(person, "/")
		access := func() string { return text(h.tokens(exchange(h.code(person))), "access_token") }
		was := access()
		if _, err := verifier.Access(ctx, was); err != nil {
			t.Fatal(err)
		}
		old, _ := headerOf(t, was)["kid"].(string)
		if a := h.post(admin, "/admin/keys/rotate", url.Values{"alg": {"ES256"}}); a.status != http.StatusSeeOther {
			t.Fatalf("%d", a.status)
		}
		h.clock.advance(keys.PublishAhead)
		h.signIn(person, "/")
		is := access()
		for deadline := time.Now().Add(20 * time.Second); headerOf(t, is)["kid"] == old; is = access() {
			if time.Now().After(deadline) {
				t.Fatal("the old key signs")
			}
		}
		// Only the portal's clock was moved: the relying party has not had its half minute, and asks when it meets the key.
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, err := verifier.Access(ctx, is); err == nil {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("a token of the new key: %v", err)
			}
		}
		if !remote.Has(old) {
			t.Error("the old key is gone before its time")
		}
		h.clock.advance(5*time.Minute + keys.ExpiryMargin)
		for deadline := time.Now().Add(20 * time.Second); slices.Contains(h.jwks()["ES256"], old); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the old key stays published")
			}
		}
	})
}

package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"gatehouse.example/portal"
)

// opened signs Alice in and opens both clients; it returns an ID token of the first.
func opened(h *house, b *http.Client) (idToken, access, refresh string) {
	h.t.Helper()
	h.signIn(b, "/")
	set := h.tokens(exchange(h.code(b, "scope", "openid offline_access")))
	two := exchange(h.code(b, "client_id", "two", "redirect_uri", "http://two.test/callback"))
	two.Set("redirect_uri", "http://two.test/callback")
	two.Set("client_id", "two")
	two.Set("client_secret", secretTwo)
	if a := h.post(b, "/oauth/token", two); a.status != http.StatusOK {
		h.t.Fatalf("client two: %d %s", a.status, a.body)
	}
	return text(set, "id_token"), text(set, "access_token"), text(set, "refresh_token")
}

func TestLogout_WithHint(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, elsewhere := h.browser(), h.browser()
		h.signIn(elsewhere, "/")
		hint, access, refresh := opened(h, b)
		h.clock.advance(time.Hour) // the ID token has expired, and still names the sign-in
		a := h.get(b, "/oauth/logout?"+url.Values{
			"id_token_hint": {hint}, "post_logout_redirect_uri": {"http://one.test/bye"}, "state": {"s t"},
		}.Encode())
		if a.status != http.StatusSeeOther || a.to.String() != "http://one.test/bye?state=s+t" {
			t.Fatalf("answered %d to %v", a.status, a.to)
		}
		if a := h.get(b, authorizeURL("prompt", "none")); a.to.Query().Get("error") != "login_required" {
			t.Errorf("still signed in: %v", a.to)
		}
		if a := h.get(elsewhere, authorizeURL("prompt", "none")); a.to.Query().Get("code") == "" {
			t.Errorf("the other browser was signed out: %v", a.to)
		}
		if a := h.userinfo(access); a.status != http.StatusUnauthorized {
			t.Errorf("the access token opens userinfo: %d", a.status)
		}
		if a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}); a.status != http.StatusBadRequest {
			t.Errorf("the refresh token lives: %d", a.status)
		}
		// Both clients were told before the answer came.
		ctx := gooidc.ClientContext(t.Context(), &http.Client{Transport: h.transport()})
		for _, client := range []string{"one", "two"} {
			heard := h.apps.heard("/" + client)
			if len(heard) != 1 {
				t.Fatalf("client %s heard %d logout tokens", client, len(heard))
			}
			provider, err := gooidc.NewProvider(ctx, h.issuer)
			if err != nil {
				t.Fatal(err)
			}
			tok, err := provider.Verifier(&gooidc.Config{ClientID: client, Now: h.clock.now}).Verify(ctx, heard[0])
			if err != nil {
				t.Fatal(err)
			}
			var c struct {
				SID, JTI, Nonce string
				Events          map[string]any
			}
			if err := tok.Claims(&c); err != nil || c.SID == "" || c.JTI == "" || c.Nonce != "" || tok.Subject != "demo-alice" ||
				c.Events["http://schemas.openid.net/event/backchannel-logout"] == nil {
				t.Errorf("the logout token says %+v, %v", c, err)
			}
		}
		if a := h.get(b, "/oauth/logout?id_token_hint="+hint); a.to == nil || a.to.Path != "/signed-out" {
			t.Errorf("signing out twice: %d %v", a.status, a.to)
		}
	})
}

func TestLogout_Asks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, elsewhere := h.browser(), h.browser()
		foreign, _, _ := opened(h, elsewhere)
		h.signIn(b, "/")
		for name, q := range map[string]url.Values{
			"nothing":          {},
			"only the client":  {"client_id": {"one"}, "post_logout_redirect_uri": {"http://one.test/bye"}},
			"another sign-in":  {"id_token_hint": {foreign}},
			"a broken hint":    {"id_token_hint": {"x.y.z"}},
			"an evil redirect": {"client_id": {"one"}, "post_logout_redirect_uri": {"http://evil.test/"}},
		} {
			a := h.get(b, "/oauth/logout?"+q.Encode())
			if a.status != http.StatusOK || !strings.Contains(a.body, "Sign out?") {
				t.Errorf("%s: answered %d to %v", name, a.status, a.to)
			}
		}
		if a := h.get(b, "/oauth/logout?state=a&state=b"); a.status != http.StatusBadRequest {
			t.Errorf("doubled state: %d", a.status)
		}
		if a := h.get(b, "/oauth/logout?client_id=two&id_token_hint="+foreign); a.status != http.StatusBadRequest {
			t.Errorf("a hint of another client: %d", a.status)
		}
		if a := h.post(b, "/oauth/logout", url.Values{"confirm": {"yes"}}, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
			t.Errorf("another site confirmed: %d", a.status)
		}
		if a := h.get(b, authorizeURL("prompt", "none")); a.to.Query().Get("code") == "" {
			t.Errorf("signed out without an answer: %v", a.to)
		}
		a := h.post(b, "/oauth/logout", url.Values{"confirm": {"yes"}, "client_id": {"one"}, "post_logout_redirect_uri": {"http://evil.test/"}})
		if a.to == nil || a.to.Path != "/signed-out" {
			t.Errorf("confirmed, with an address that is not registered: %d %v", a.status, a.to)
		}
		if a := h.get(b, authorizeURL("prompt", "none")); a.to.Query().Get("error") != "login_required" {
			t.Errorf("still signed in: %v", a.to)
		}
	})
}

func TestBackchannel_ClientsThatMisbehave(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		hang := func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		h.apps.behave("/one", hang)
		h.apps.behave("/two", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		})
		b := h.browser()
		_, _, _ = opened(h, b)
		begun := time.Now()
		if a := h.post(b, "/sign-out", nil); a.status != http.StatusSeeOther {
			t.Fatalf("sign-out answered %d", a.status)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("a hanging client held up the sign-out: %v", took)
		}
		if n := len(h.apps.heard("/elsewhere")); n != 0 {
			t.Error("a redirect was followed")
		}
		if n := h.waiting(); n != 2 {
			t.Errorf("%d notices wait, want 2", n)
		}
		// They come to their senses, and hear of it from whatever replica.
		h.apps.behave("/one", nil)
		h.apps.behave("/two", nil)
		h.clock.advance(time.Minute)
		ctx, stop := contextOf(t)
		defer stop()
		replica, err := newReplica(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 2)
		for _, app := range []*portal.App{h.app, replica} {
			go func() { done <- app.Run(ctx) }()
		}
		for range 600 {
			if h.waiting() == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for _, client := range []string{"/one", "/two"} {
			if n := len(h.apps.heard(client)); n != 1 {
				t.Errorf("%s heard %d logout tokens", client, n)
			}
		}
	})
}

// waiting is how many notices were not delivered.
func (h *house) waiting() int {
	h.t.Helper()
	var n int
	if err := h.db.Get(&n, `SELECT COUNT(*) FROM backchannel_outbox WHERE delivered_at IS NULL`); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestBackchannel_GivesUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.apps.behave("/one", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		b := h.browser()
		_, _, _ = opened(h, b)
		h.post(b, "/sign-out", nil)
		h.clock.advance(25 * time.Hour)
		ctx, stop := contextOf(t)
		done := make(chan error, 1)
		go func() { done <- h.app.Run(ctx) }()
		var given int
		for range 600 {
			if err := h.db.Get(&given, `SELECT COUNT(*) FROM backchannel_outbox WHERE given_up_at IS NOT NULL AND last_error <> ''`); err != nil {
				t.Fatal(err)
			}
			if given == 1 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		<-done
		if given != 1 {
			t.Error("an unreachable client is told for ever")
		}
	})
}

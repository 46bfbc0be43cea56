package account_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse.example/tests/env"
)

func TestSignIn_FindsTheSessionBehindAnotherCookie(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.browser()
		b.headers["Cookie"] = "portal_session=" + strings.Repeat("A", 26) + "; portal_device=x; theme=x; flash=x"
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		b.get("/profile").want(h.t, 200, "maria@example.com")
		// One living sign-in of this browser, and a sign-out that ends it.
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			h.t.Errorf("%d living sign-ins", n)
		}
		b.post("/sign-out", nil).wantTo(h.t, "/signed-out")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 0 {
			h.t.Errorf("%d living sign-ins after the sign-out", n)
		}
	})
}

func TestSignIn_FindsEachCookieBehindMalformedOnes(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.browser()
		b.client.Transport = env.MalformedCookies{}
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		device := b.cookie("portal_device")
		b.get("/profile").want(h.t, 200, "maria@example.com")
		b.post("/sign-out", nil).wantTo(h.t, "/signed-out")
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		if b.cookie("portal_device") != device {
			h.t.Error("the browser is a new device at its second sign-in")
		}
	})
}

func TestSignIn_TwoPeoplesSessionsAreSaidAndEnded(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		h.add("mallory@example.com")
		planted := h.signedIn("mallory@example.com").cookie("portal_session")
		b := h.signedIn("maria@example.com")
		b.headers["Cookie"] = "portal_session=" + planted
		b.get("/profile").wantTo(h.t, "/sign-in?return_to=%2Fprofile")
		b.get("/sign-in?return_to=%2Fprofile").want(h.t, 200, "sessions of two different people")
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		b.get("/profile").want(h.t, 200, "maria@example.com")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			h.t.Errorf("%d living sign-ins", n)
		}
	})
}

func TestSignIn_SaysThatTheBrowserDoesNotSendItsSession(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.browser()
		b.client.Transport = without("portal_session")
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		b.get("/sign-in").want(h.t, 200, "send the session cookie back")
		if a := b.get("/sign-in"); strings.Contains(a.Body, "send the session cookie back") {
			h.t.Error("it is said again to somebody who has not signed in since")
		}
	})
}

// without is a browser that never sends one cookie.
type without string

func (name without) RoundTrip(r *http.Request) (*http.Response, error) {
	kept := r.Cookies()
	r = r.Clone(r.Context())
	r.Header.Del("Cookie")
	for _, k := range kept {
		if k.Name != string(name) {
			r.AddCookie(k)
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

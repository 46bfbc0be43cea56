package account_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// nasty is what nobody types.
var nasty = []string{
	"", " ", "\x00", "\xff\xfe", strings.Repeat("x", 5000), strings.Repeat("🦊", 20000), "<script>alert(1)</script>", "' OR 1=1; --",
	"../../etc/passwd", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "a@b", "\r\nSet-Cookie: x=y",
	"null", "{}", "%00", "-1", "99999999999999999999999999",
}

func TestInput_NastyFieldsAreRefusedAndNothingIsStored(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		in := h.signedIn("maria@example.com")
		forms := map[string]url.Values{
			"/sign-in":          {"email": {"maria@example.com"}, "password": {"wrong"}, "return_to": {"/"}, "reauth": {""}},
			"/register":         {"name": {""}, "email": {"otto@example.com"}, "password": {"short"}, "return_to": {"/"}},
			"/profile/name":     {"name": {""}},
			"/profile/email":    {"email": {"m@example.com"}, "email_password": {"wrong"}},
			"/profile/password": {"current_password": {"wrong"}, "new_password": {"short"}},
		}
		for path, form := range forms {
			for field := range form {
				for _, value := range nasty {
					for _, b := range []*browser{h.browser(), in} {
						if path == "/sign-in" && b == in {
							continue
						}
						sent := url.Values{}
						for k, v := range form {
							sent[k] = v
						}
						sent[field] = []string{value}
						wantRefused(h.t, path, field, value, b.post(path, sent))
						sent[field] = []string{value, "second"}
						wantRefused(h.t, path, field, "doubled", b.post(path, sent))
						delete(sent, field)
						wantRefused(h.t, path, field, "missing", b.post(path, sent))
					}
				}
			}
			for _, body := range []string{"%zz", "a=%", ";", strings.Repeat("a=b&", 100000), "{}"} {
				a := in.do(http.MethodPost, path, strings.NewReader(body))
				wantRefused(h.t, path, "body", body[:min(9, len(body))], a)
			}
			a := in.do(http.MethodPost, path, strings.NewReader(strings.Repeat("x", 2<<20)))
			wantRefused(h.t, path, "body", "enormous", a)
		}
		for _, value := range nasty {
			v := url.QueryEscape(value)
			for _, path := range []string{"/sign-in?return_to=" + v + "&login_hint=" + v + "&reauth=" + v, "/register?return_to=" + v + "&login_hint=" + v, "/sessions?page=" + v} {
				a := h.browser().get(path)
				if a.Status >= 500 || strings.Contains(a.Body, "<script>alert") {
					h.t.Errorf("GET %.60s: %d", path, a.Status)
				}
			}
			if value != "" {
				a := in.post("/sessions/"+url.PathEscape(value)+"/end", nil)
				if a.Status >= 500 || a.Status == http.StatusSeeOther {
					h.t.Errorf("end %.30q: %d", value, a.Status)
				}
			}
		}
		if n := h.count("SELECT COUNT(*) FROM users"); n != 1 {
			h.t.Errorf("%d users", n)
		}
		u, err := h.store.UserByEmail(h.t.Context(), "maria@example.com")
		if err != nil || !in.isIn() {
			h.t.Errorf("%+v, %v", u, err)
		}
	})
}

func wantRefused(t *testing.T, path, field, value string, a answer) {
	t.Helper()
	loc := a.Header.Get("Location")
	if a.Status >= 500 || a.Status == 200 || strings.Contains(a.Body, "<script>alert") || strings.Contains(loc, "evil") {
		t.Errorf("POST %s with %s = %.40q: %d, %q", path, field, value, a.Status, loc)
	}
}

func TestInput_ReturnToIsALocalPath(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		for _, value := range nasty {
			a := b.get("/sign-in?return_to=" + url.QueryEscape(value))
			a.wantTo(h.t, "/")
		}
		b.post("/sign-in", url.Values{"email": {"maria@example.com"}, "password": {secret}, "return_to": {"//evil.example"}}).wantTo(h.t, "/")
	})
}

func TestInput_AnotherSiteCannotPost(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		for _, path := range []string{"/sign-in", "/register", "/sign-out", "/sign-out/everywhere", "/profile/name", "/profile/email", "/profile/password", "/sessions/x/end"} {
			b.post(path, url.Values{"name": {"Evil"}}, "Sec-Fetch-Site", "cross-site").want(h.t, http.StatusForbidden)
			b.post(path, url.Values{"name": {"Evil"}}, "Origin", "https://evil.example").want(h.t, http.StatusForbidden)
		}
		if !b.isIn() {
			h.t.Error("signed out from another site")
		}
	})
}

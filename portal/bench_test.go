package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// cpu is the processor time that this process has used, in nanoseconds: what a
// request costs, whatever else runs. Redis and PostgreSQL are processes of their own.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func eachBench(b *testing.B, bench func(b *testing.B, h *house, session *http.Cookie)) {
	for name, open := range map[string]func(testing.TB, string) *db.DB{"sqlite": env.DB, "postgres": env.Postgres} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, open(b, "portal"), env.Redis(b))
			client := h.browser()
			h.signIn(client, "/")
			u, err := url.Parse(h.issuer)
			if err != nil {
				b.Fatal(err)
			}
			var session *http.Cookie
			for _, c := range client.Jar.Cookies(u) {
				if strings.HasSuffix(c.Name, "portal_session") {
					session = c
				}
			}
			h.tokens(exchange(h.code(client)))
			b.ResetTimer()
			before := cpu(b)
			bench(b, h, session)
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func (h *house) serve(b *testing.B, r *http.Request, want int) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.app.Handler().ServeHTTP(w, r)
	if w.Code != want {
		b.Fatalf("%s answered %d: %s", r.URL, w.Code, w.Body)
	}
	return w
}

func (h *house) authorizeOnce(b *testing.B, session *http.Cookie, target string) string {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.AddCookie(session)
	to, err := url.Parse(h.serve(b, r, http.StatusSeeOther).Header().Get("Location"))
	if err != nil {
		b.Fatal(err)
	}
	return to.Query().Get("code")
}

func tokenPost(form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", basic("one", secretOne))
	return r
}

// BenchmarkAuthorize is the authorization endpoint with a living session.
func BenchmarkAuthorize(b *testing.B) {
	eachBench(b, func(b *testing.B, h *house, session *http.Cookie) {
		target := authorizeURL()
		for b.Loop() {
			h.authorizeOnce(b, session, target)
		}
	})
}

// BenchmarkSignInRedirect is authorize to tokens: what single sign-on into one app costs.
func BenchmarkSignInRedirect(b *testing.B) {
	eachBench(b, func(b *testing.B, h *house, session *http.Cookie) {
		target := authorizeURL()
		for b.Loop() {
			h.serve(b, tokenPost(exchange(h.authorizeOnce(b, session, target))), http.StatusOK)
		}
	})
}

// BenchmarkSignInRedirectOffline is the same with a refresh token.
func BenchmarkSignInRedirectOffline(b *testing.B) {
	eachBench(b, func(b *testing.B, h *house, session *http.Cookie) {
		target := authorizeURL("scope", "openid profile email roles offline_access")
		for b.Loop() {
			h.serve(b, tokenPost(exchange(h.authorizeOnce(b, session, target))), http.StatusOK)
		}
	})
}

// BenchmarkClientCredentials is a token for a machine.
func BenchmarkClientCredentials(b *testing.B) {
	eachBench(b, func(b *testing.B, h *house, _ *http.Cookie) {
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {"things:read"}, "resource": {resource}}
		for b.Loop() {
			h.serve(b, tokenPost(form), http.StatusOK)
		}
	})
}

// BenchmarkUserinfo is the portal's own API with an access token.
func BenchmarkUserinfo(b *testing.B) {
	eachBench(b, func(b *testing.B, h *house, session *http.Cookie) {
		r := tokenPost(exchange(h.authorizeOnce(b, session, authorizeURL())))
		body := h.serve(b, r, http.StatusOK).Body.String()
		access := text(answer{body: body}.json(b), "access_token")
		for b.Loop() {
			r := httptest.NewRequest(http.MethodGet, "/oauth/userinfo", nil)
			r.Header.Set("Authorization", "Bearer "+access)
			h.serve(b, r, http.StatusOK)
		}
	})
}

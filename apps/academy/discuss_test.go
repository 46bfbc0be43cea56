package academy_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gatehouse.example/apps/academy"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// neighbours are a portal that issues tokens and a forum that has topics, as far as the
// Academy asks them.
type neighbours struct {
	mu     sync.Mutex
	down   bool   // the forum does not answer
	answer string // of the forum, instead of a thread
	asked  []string
	body   map[string]string
}

func (n *neighbours) handler() http.Handler {
	mux := http.NewServeMux()
	portal := "http://portal.house.test"
	mux.HandleFunc("GET portal.house.test/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": portal, "authorization_endpoint": portal + "/oauth/authorize",
			"token_endpoint": portal + "/oauth/token", "jwks_uri": portal + "/oauth/jwks"})
	})
	mux.HandleFunc("POST portal.house.test/oauth/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		n.note(r.Form.Get("grant_type") + " " + r.Form.Get("resource") + " " + r.Form.Get("scope"))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "token-of-the-academy", "token_type": "Bearer", "expires_in": 300})
	})
	mux.HandleFunc("PUT forum.house.test/api/v1/topics/{topic}", func(w http.ResponseWriter, r *http.Request) {
		n.note("PUT " + r.PathValue("topic") + " " + r.Header.Get("Authorization"))
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.down {
			panic(http.ErrAbortHandler)
		}
		n.body = map[string]string{}
		_ = json.NewDecoder(r.Body).Decode(&n.body)
		if n.answer != "" {
			_, _ = io.WriteString(w, n.answer)
			return
		}
		_, _ = io.WriteString(w, `{"path":"/t/`+r.PathValue("topic")+`-1","replies":0}`)
	})
	return mux
}

func (n *neighbours) note(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, what)
}

func (n *neighbours) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// besides is an Academy with such neighbours.
func besides(t *testing.T, d *db.DB, n *neighbours) *house {
	t.Helper()
	srv := httptest.NewServer(n.handler())
	t.Cleanup(srv.Close)
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return newHouse(t, d, func(deps *academy.Deps) { deps.HTTPClient = &http.Client{Transport: tr} })
}

func (h *house) discussion(lesson string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.app.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://academy.house.test/lessons/"+lesson+"/discuss", nil))
	return w
}

func TestDiscuss_LeadsToTheLessonsThread(t *testing.T) {
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		n := &neighbours{}
		h := besides(t, d, n)
		get := httptest.NewRecorder()
		h.app.Handler().ServeHTTP(get, httptest.NewRequest(http.MethodGet, "http://academy.house.test/lessons/the-bank", nil))
		if !strings.Contains(get.Body.String(), `href="/lessons/the-bank/discuss"`) {
			t.Errorf("the lesson does not lead to its discussion: %d", get.Code)
		}
		for range 3 {
			w := h.discussion("the-bank")
			if at := w.Header().Get("Location"); w.Code != http.StatusSeeOther || at != "http://forum.house.test/t/the-bank-1" {
				t.Fatalf("%d %q\n%s", w.Code, at, w.Body)
			}
		}
		want := []string{"client_credentials http://forum.house.test forum.topics", "PUT the-bank Bearer token-of-the-academy"}
		if len(n.asked) != 2 || n.asked[0] != want[0] || n.asked[1] != want[1] {
			t.Errorf("asked %q; want %q, and nothing again", n.asked, want)
		}
		if n.body["url"] != "http://academy.house.test/lessons/the-bank" || !strings.HasPrefix(n.body["title"], "Lesson: The bank") || n.body["text"] == "" {
			t.Errorf("sent %q", n.body)
		}
		// Another replica remembers it, too.
		n.set(func() { n.down = true })
		if w := besides(t, d, n).discussion("the-bank"); w.Code != http.StatusSeeOther {
			t.Errorf("remembered: %d", w.Code)
		}
	})
}

func TestDiscuss_SaysThatTheForumIsAway(t *testing.T) {
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		n := &neighbours{down: true}
		h := besides(t, d, n)
		w := h.discussion("the-bank")
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "the forum is unavailable right now") {
			t.Errorf("%d %v\n%s", w.Code, w.Header(), w.Body)
		}
		for _, answer := range []string{"", "{", `{"path":""}`, `{"path":"//evil.test/t/x"}`, `{"path":"/t/../auth/sign-in"}`, `{"path":"/t/x\r\nSet-Cookie: a=b"}`, strings.Repeat(" ", 8<<10) + `{"path":"/t/x"}`} {
			n.set(func() { n.down, n.answer = false, answer+" " })
			if w := h.discussion("the-bank"); w.Code != http.StatusServiceUnavailable {
				t.Errorf("forum says %.40q: %d", answer, w.Code)
			}
		}
		n.set(func() { n.answer = "" })
		if w := h.discussion("the-bank"); w.Code != http.StatusSeeOther {
			t.Errorf("back again: %d", w.Code)
		}
		if w := h.discussion("there-is-none"); w.Code != http.StatusNotFound {
			t.Errorf("no such lesson: %d", w.Code)
		}
	})
}

func TestDiscuss_AFaultOfTheOwnDatabaseIsNotTheForums(t *testing.T) {
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		h := besides(t, d, &neighbours{})
		exec := func(query string) {
			t.Helper()
			if _, err := d.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		if d.Dialect == db.Postgres { // a table that takes no rows
			exec(`ALTER TABLE discussions ADD CONSTRAINT refuse CHECK (lesson IS NULL)`)
		} else {
			exec(`CREATE TRIGGER refuse BEFORE INSERT ON discussions BEGIN SELECT RAISE(ABORT, 'refused'); END`)
		}
		if w := h.discussion("the-bank"); w.Code != http.StatusSeeOther {
			t.Errorf("a thread whose path can't be stored: %d", w.Code)
		}
		exec(`DROP TABLE discussions`)
		if w := h.discussion("the-bank"); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "The forum") {
			t.Errorf("no table: %d\n%s", w.Code, w.Body)
		}
	})
}

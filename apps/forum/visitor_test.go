package forum_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/sso/session"
)

// visitor is a browser without JavaScript.
type visitor struct {
	h       *house
	cookies map[string]*http.Cookie
}

func (h *house) guest() *visitor { return &visitor{h: h, cookies: map[string]*http.Cookie{}} }

// person is a browser signed in as sub.
func (h *house) person(sub string, roles ...string) *visitor {
	v := h.guest()
	v.signIn(sub, roles...)
	return v
}

func (v *visitor) signIn(sub string, roles ...string) {
	v.h.t.Helper()
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "http://forum.house.test/", nil)
	_, err := v.h.sessions.Start(req.Context(), rec, req, session.Record{Subject: sub, SID: "sid-" + sub, Name: strings.ToUpper(sub[:1]) + sub[1:],
		Email: sub + "@example.com", Roles: roles, AuthTime: v.h.clock()})
	if err != nil {
		v.h.t.Fatal(err)
	}
	v.keep(rec.Result())
}

func (v *visitor) keep(res *http.Response) {
	for _, k := range res.Cookies() {
		v.cookies[k.Name] = k
		if k.MaxAge < 0 {
			delete(v.cookies, k.Name)
		}
	}
}

type page struct {
	status   int
	body     string
	location string
	header   http.Header
}

func (v *visitor) get(path string, headers ...string) page {
	v.h.t.Helper()
	return v.do(http.MethodGet, path, "", "", headers...)
}

// post sends a form, name then value by turns.
func (v *visitor) post(path string, fields ...string) page {
	v.h.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

func (v *visitor) do(method, path, contentType, body string, headers ...string) page {
	v.h.t.Helper()
	req, err := http.NewRequest(method, v.h.server.URL+path, bytes.NewBufferString(body))
	if err != nil {
		v.h.t.Fatal(err)
	}
	req.Host = "forum.house.test"
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	for _, k := range v.cookies {
		req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		v.h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		v.h.t.Fatal(err)
	}
	v.keep(res)
	return page{res.StatusCode, string(raw), res.Header.Get("Location"), res.Header}
}

var keyField = regexp.MustCompile(`name="key" value="([A-Z2-7]{26})"`)

// key is the form key of a page.
func (p page) key(t *testing.T) string {
	t.Helper()
	m := keyField.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no form with a key in a page of status %d", p.status)
	}
	return m[1]
}

func (p page) want(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("status %d, want %d\n%s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Fatalf("no %q in\n%s", text, p.body)
		}
	}
	return p
}

func (p page) without(t *testing.T, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Fatalf("there is %q in\n%s", text, p.body)
		}
	}
	return p
}

// begin starts a thread and returns its path and its opening post's id.
func (v *visitor) begin(title, body string, more ...string) (path, post string) {
	v.h.t.Helper()
	fields := append([]string{"key", v.get("/new").key(v.h.t), "board", "products", "title", title, "body", body}, more...)
	p := v.post("/new", fields...).want(v.h.t, http.StatusSeeOther)
	path, _, _ = strings.Cut(p.location, "#")
	return path, v.h.postID(path, 1)
}

func (v *visitor) reply(thread, body string) (post string) {
	v.h.t.Helper()
	p := v.post(thread+"/reply", "key", v.get(thread).key(v.h.t), "body", body).want(v.h.t, http.StatusSeeOther)
	var number int
	if _, err := fmt.Sscanf(p.location[strings.Index(p.location, "#"):], "#post-%d", &number); err != nil {
		v.h.t.Fatal(err)
	}
	return v.h.postID(thread, number)
}

func (h *house) postID(thread string, number int) (id string) {
	h.t.Helper()
	err := h.db.GetContext(h.t.Context(), &id, h.db.Rebind(`SELECT id FROM posts WHERE thread_id = ? AND number = ?`),
		strings.TrimPrefix(thread, "/t/"), number)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// rows counts everything that is stored.
func (h *house) rows() (n int) {
	h.t.Helper()
	err := h.db.GetContext(h.t.Context(), &n, `SELECT (SELECT COUNT(*) FROM threads) + (SELECT COUNT(*) FROM posts) +
		(SELECT COUNT(*) FROM votes) + (SELECT COUNT(*) FROM moderation_log) + (SELECT COUNT(*) FROM event_outbox) +
		(SELECT COALESCE(SUM(version), 0) FROM posts)`)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// throughPortal follows a redirect to the portal, signs in there and comes back.
func (v *visitor) throughPortal(authorize string) page {
	v.h.t.Helper()
	u, err := url.Parse(authorize)
	if err != nil || u.Host != "portal.house.test" {
		v.h.t.Fatalf("%q does not lead to the portal", authorize)
	}
	v.h.mu.Lock()
	v.h.nonce = u.Query().Get("nonce")
	v.h.mu.Unlock()
	return v.get("/auth/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}, "iss": {"http://portal.house.test"}}.Encode())
}

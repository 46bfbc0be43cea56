//go:build unix

package hostile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/tests/estate"
)

var services = []string{"portal", "shop", "forum", "analytics", "academy"}

// The client "hostile": a program and a site of which only the addresses exist.
const (
	callback      = "https://client.example/callback"
	otherCallback = "https://client.example/other"
	afterwards    = "https://client.example/signed-out"
	secret        = "a-long-and-random-secret-of-a-hostile-client"
	verifier      = "a-code-verifier-that-is-long-enough-to-be-one-0123456789"

	rival         = "rival" // another client, with the same secret
	ninasPassword = "a long password of nina"
)

// house is a running estate with people in it.
type house struct {
	*estate.Estate
	cookies map[who]map[string][]*http.Cookie // by service
	values  map[string]string                 // what the names in braces stand for
	secrets []string                          // what no log may hold
	bearer  map[string]string                 // access tokens of the client for the apps' APIs, by service
}

func open(t *testing.T, o estate.Options) *house {
	t.Helper()
	// The client's declaration names the apps, so that the port must be known beforehand.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	o.Args = append(o.Args, "--addr", addr)
	o.Clients = []map[string]any{{
		"client_id": "hostile", "client_secret": secret, "redirect_uris": []string{callback, otherCallback}, "post_logout_redirect_uris": []string{afterwards},
		"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
		"scopes":      []string{"openid", "email", "offline_access", "purchases:read", "analytics:read", "forum.topics"},
		"audiences":   []string{strings.Replace(addr, "127.0.0.1", "http://shop.localhost", 1), strings.Replace(addr, "127.0.0.1", "http://analytics.localhost", 1), strings.Replace(addr, "127.0.0.1", "http://forum.localhost", 1)},
	}, {"client_id": rival, "client_secret": secret, "redirect_uris": []string{"https://rival.example/callback"}}}
	h := &house{Estate: estate.Start(t, o), cookies: map[who]map[string][]*http.Cookie{}, secrets: []string{secret, verifier, estate.Password}}
	h.enter(t, customer, "alice@example.com", "portal", "shop", "forum", "academy")
	h.enter(t, elsewhere, "alice@example.com", "portal")
	h.enter(t, moderator, "bob@example.com", "portal", "shop", "forum", "academy")
	h.enter(t, analyst, "carol@example.com", "portal", "analytics")
	h.enter(t, administrator, "admin@example.com", "portal", "shop", "analytics", "academy")
	challenge := sha256.Sum256([]byte(verifier))
	h.values = map[string]string{
		"{callback}": callback, "{after}": afterwards, "{verifier}": verifier, "{issuer}": h.URL("portal"),
		"{challenge}": base64.RawURLEncoding.EncodeToString(challenge[:]), "{board}": "workshop", "{hint}": h.idToken(t),
		":slug": "brass-lever-handle", "shop:file": "brass-lever-handle.svg", "analytics:file": "sign-ins.csv", ":panel": "sign-ins", ":metric": "sign-ins", ":topic": "the-bank", ":board": "workshop",
	}
	h.bearer = map[string]string{}
	for service, scope := range map[string]string{"shop": "purchases:read", "analytics": "analytics:read", "forum": "forum.topics"} {
		h.bearer[service] = h.token(t, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": {h.URL(service)}}).Access
		h.secrets = append(h.secrets, h.bearer[service])
	}
	h.do(t, h.request(t, administrator, "portal", http.MethodPost, "/admin/clients/new", "client_id=spare&client_name=Spare&grant_types=client_credentials"))
	h.values[":client"] = h.find(t, administrator, "portal", "/admin/clients?q=spare", `/admin/clients/(spare)"`)
	h.do(t, h.request(t, administrator, "portal", http.MethodPost, "/admin/keys/rotate", "alg=ES256"))
	h.values[":kid"] = h.find(t, administrator, "portal", "/admin/keys", `/admin/keys/([^/]+)/activate`)
	h.spare(t)
	h.values[":sid"] = h.find(t, customer, "portal", "/sessions", `/sessions/([^/]+)/end`)
	h.values["*"] = h.find(t, guest, "shop", "/", `href="/assets/([^"]+\.css)"`)
	h.values[":id"] = h.order(t)
	h.values[":review"] = h.find(t, moderator, "shop", "/products/porch-lantern", `/reviews/([A-Z2-7]{26})/remove`)
	h.do(t, h.request(t, moderator, "shop", http.MethodPost, "/cart/items", "product=brass-lever-handle&quantity=1"))
	h.values[":thread"], h.values[":post"] = h.write(t)
	h.values[":person"], h.values[":image"] = "demo-alice", h.upload(t)
	h.values[":experiment"] = "sticky-sessions"
	h.values[":run"] = h.run(t)
	h.do(t, h.request(t, moderator, "academy", http.MethodPost, "/rooms", "title=Tuesday"))
	h.values[":room"] = h.find(t, moderator, "academy", "/rooms", `href="/rooms/([a-z2-7]{16})"`)
	h.values[":code"] = h.find(t, moderator, "academy", "/rooms/"+h.values[":room"], `data-room-code>([A-Z0-9]{6})<`)
	h.values[":lesson"], h.values[":question"] = "introduction", "the-question"
	return h
}

// enter signs somebody in at the portal and opens apps with that sign-in.
func (h *house) enter(t *testing.T, as who, email string, open ...string) {
	t.Helper()
	browser := h.Browser()
	answer := estate.SignIn(t, browser, h.URL("portal")+"/profile", email, estate.Password)
	answer.Body.Close()
	h.cookies[as] = map[string][]*http.Cookie{}
	for _, service := range open {
		res, err := browser.Get(h.URL(service) + "/auth/sign-in")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		at, _ := url.Parse(h.URL(service))
		h.cookies[as][service] = browser.Jar.Cookies(at)
		signedIn := false
		for _, c := range h.cookies[as][service] {
			h.secrets = append(h.secrets, c.Value)
			signedIn = signedIn || c.Name == service+"_session"
		}
		if !signedIn && service != "portal" {
			t.Fatalf("%s is not signed in at %s", email, service)
		}
	}
}

// idToken is one of alice's other browser, issued to the client "hostile" by the code flow.
func (h *house) idToken(t *testing.T) string {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	res, _ := h.do(t, h.request(t, elsewhere, "portal", http.MethodGet, "/oauth/authorize?"+url.Values{
		"client_id": {"hostile"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid offline_access"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode(), ""))
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("no code: %s, %s", res.Status, res.Header.Get("Location"))
	}
	got := h.token(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
	})
	h.secrets = append(h.secrets, to.Query().Get("code"), got.ID, got.Access, got.Refresh)
	return got.ID
}

// issued are the tokens of one answer.
type issued struct {
	ID      string `json:"id_token"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (h *house) token(t *testing.T, form url.Values) (got issued) {
	t.Helper()
	res, body := h.do(t, h.request(t, client, "portal", http.MethodPost, "/oauth/token", form.Encode()))
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Access == "" {
		t.Fatalf("no token: %s %s", res.Status, body)
	}
	return got
}

// order has alice buy something, and returns the order's id.
func (h *house) order(t *testing.T) string {
	t.Helper()
	h.do(t, h.request(t, customer, "shop", http.MethodPost, "/cart/items", "product=brass-lever-handle&quantity=1"))
	for _, step := range [][2]string{{"address", address}, {"shipping", "shipping=standard"}, {"payment", "payment=test-approved"}} {
		h.do(t, h.request(t, customer, "shop", http.MethodPost, "/checkout/"+step[0], step[1]))
	}
	res, _ := h.do(t, h.request(t, customer, "shop", http.MethodPost, "/checkout/review", url.Values{
		"key":     {h.find(t, customer, "shop", "/checkout/review", `name="key" value="([^"]+)"`)},
		"summary": {h.find(t, customer, "shop", "/checkout/review", `name="summary" value="([^"]+)"`)},
	}.Encode()))
	id, ok := strings.CutPrefix(res.Header.Get("Location"), "/orders/")
	if !ok {
		t.Fatalf("nothing was ordered: %s %s", res.Status, res.Header.Get("Location"))
	}
	id, _, _ = strings.Cut(id, "?")
	return id
}

// run has alice start an experiment, and returns its run's id.
func (h *house) run(t *testing.T) string {
	t.Helper()
	key := h.find(t, customer, "academy", "/experiments/sticky-sessions", `name="key" value="([^"]+)"`)
	res, _ := h.do(t, h.request(t, customer, "academy", http.MethodPost, "/experiments/sticky-sessions/runs", "mode=free&key="+key))
	id, ok := strings.CutPrefix(res.Header.Get("Location"), "/runs/")
	if !ok {
		t.Fatalf("no experiment was started: %s %s", res.Status, res.Header.Get("Location"))
	}
	return id
}

// write has alice begin a thread in the forum, and returns its id and that of its first post.
func (h *house) write(t *testing.T) (thread, post string) {
	t.Helper()
	res, _ := h.do(t, h.request(t, customer, "forum", http.MethodPost, "/new", "title=A+question+about+locks&board=workshop&body=How%3F"))
	thread, ok := strings.CutPrefix(res.Header.Get("Location"), "/t/")
	if !ok {
		t.Fatalf("nothing was posted: %s %s", res.Status, res.Header.Get("Location"))
	}
	thread, _, _ = strings.Cut(thread, "?")
	thread, _, _ = strings.Cut(thread, "#")
	return thread, h.find(t, customer, "forum", "/t/"+thread, `/posts/([a-z0-9-]+)/`)
}

// upload has alice upload an image, and returns its id.
func (h *house) upload(t *testing.T) string {
	t.Helper()
	kind, body := imageForm(t)
	req := h.request(t, customer, "forum", http.MethodPost, "/images/new", body)
	req.Header.Set("Content-Type", kind)
	res, answer := h.do(t, req)
	found := regexp.MustCompile(`/images/([a-z0-9]{16})`).FindStringSubmatch(answer)
	if res.StatusCode != http.StatusCreated || found == nil {
		t.Fatalf("nothing was uploaded: %s %s", res.Status, answer)
	}
	return found[1]
}

// imageForm returns a form with a small image, and its type.
func imageForm(t *testing.T) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	file, err := form.CreateFormFile("image", "a.png")
	if err == nil {
		err = png.Encode(file, image.NewGray(image.Rect(0, 0, 4, 4)))
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	return form.FormDataContentType(), b.String()
}

// spare registers somebody whom nobody misses, and ends the sign-in of that, for the console's pages about people.
func (h *house) spare(t *testing.T) {
	t.Helper()
	h.do(t, h.request(t, guest, "portal", http.MethodPost, "/register", "name=Nina+Spare&email=nina@example.org&return_to=/&password="+url.QueryEscape(ninasPassword)))
	h.values["portal:id"] = h.find(t, administrator, "portal", "/admin/people?q=nina", `href="/admin/people/([^/"?]+)"`)
	person := "/admin/people/" + h.values["portal:id"]
	h.do(t, h.request(t, administrator, "portal", http.MethodPost, person+"/end", ""))
	h.values[":ending"] = h.find(t, administrator, "portal", person, `/admin/receipts/([^/"?]+)"`)
}

// find is what the first group of pattern matches on a page.
func (h *house) find(t *testing.T, as who, service, path, pattern string) string {
	t.Helper()
	_, body := h.do(t, h.request(t, as, service, http.MethodGet, path, ""))
	found := regexp.MustCompile(pattern).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("%s%s has nothing like %s", h.URL(service), path, pattern)
	}
	return found[1]
}

// request is one as a browser of a visitor sends it; form is the body of a POST.
func (h *house) request(t testing.TB, as who, service, method, path, form string) *http.Request {
	t.Helper()
	var body io.Reader
	if method != http.MethodGet && method != http.MethodHead {
		body = strings.NewReader(form)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, h.URL(service)+path, body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if as == client {
		req.SetBasicAuth("hostile", secret)
		return req
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range h.cookies[as][service] {
		req.AddCookie(c)
	}
	return req
}

// logs are what all processes have written, by file.
func (h *house) logs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.Data, "logs", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	logs := map[string]string{"what up prints": strings.ReplaceAll(h.Said(), "password "+estate.Password, "")}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		logs[filepath.Base(f)] = string(text)
	}
	return logs
}

//go:build unix

package hostile_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/portal/clients"
	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// TestOutsiders_GainNothing tries to get past the limits, or in as another person: by a browser, by a client and by
// writing to Redis. tests/flows tests the trace of a sign-in whose link another browser follows.
func TestOutsiders_GainNothing(t *testing.T) {
	at := env.RedisURL(t)
	options, err := redis.ParseURL(at)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { rdb.Close() })
	h := open(t, estate.Options{RedisURL: at})
	for _, attack := range []struct {
		name string
		try  func(*testing.T)
	}{
		{"cookies before ours", h.shadowsChangeNothing},
		{"sessions of two people", h.twoPeopleAreNobody},
		{"parameters at their limits", h.limitsAreOneByteWide},
		{"costly previews", h.previewsAreBounded},
		{"guesses of room codes", h.roomCodesCantBeGuessed},
		{"failures from one address", h.failuresLockNobodyOut},
		{"markers of other browsers", h.foreignMarkersProveNothing},
		{"codes of others", h.foreignCodesAreLeftAlone},
		{"a person's token at the APIs", h.peoplesTokensOpenNoAPI},
		{"device cookies of before", h.deviceCookiesEnd},
		{"client ids that are not registered", h.noClientIDIsTold},
		{"records in Redis", func(t *testing.T) { h.recordsInRedisOpenNothing(t, rdb) }},
	} {
		t.Run(attack.name, attack.try)
	}
	h.signedInStill(t)
	h.checkLogs(t)
}

// shadowing sends malformed cookies of the same name before each cookie, as a browser does that was given them for a
// longer path.
type shadowing struct{ next http.RoundTripper }

func (s shadowing) RoundTrip(r *http.Request) (*http.Response, error) {
	own := r.Cookies()
	r = r.Clone(r.Context())
	r.Header.Del("Cookie")
	for _, c := range own {
		for _, value := range []string{"x", strings.Repeat("a", 26), strings.Repeat("A", 27)} {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: value})
		}
	}
	for _, c := range own {
		r.AddCookie(c)
	}
	return s.next.RoundTrip(r)
}

// shadowsChangeNothing goes through all that cookies are for with a browser that sends others before them.
func (h *house) shadowsChangeNothing(t *testing.T) {
	b := estate.BrowserAt("127.0.4.1")
	b.Transport = shadowing{b.Transport}
	want := func(service, path, text string) {
		t.Helper()
		if res, body := h.visit(t, b, http.MethodGet, service, path, ""); res.StatusCode != http.StatusOK || !strings.Contains(body, text) {
			t.Errorf("%s%s ended at %s with %s, without %q", service, path, res.Request.URL, res.Status, text)
		}
	}
	h.visit(t, b, http.MethodPost, "shop", "/theme", "theme=dark&return_to=/") // theme
	want("shop", "/", `data-theme="dark"`)
	h.visit(t, b, http.MethodPost, "shop", "/cart/items", "product=brass-lever-handle&quantity=1") // shop_cart
	want("shop", "/cart", "brass-lever-handle")
	// The flow, the form before the sign-in, the portal's session, the device, the app's session.
	res, _ := h.visit(t, b, http.MethodPost, "forum", "/new", "title=A+title+from+before&board=workshop&body=Half+a+text")
	answer := estate.SignIn(t, b, res.Request.URL.String(), "nina@example.org", ninasPassword)
	answer.Body.Close()
	want("forum", "/new", "Half a text")
	want("forum", "/mine", "Sign out")
	want("shop", "/orders", "Sign out")
	want("shop", "/cart", "brass-lever-handle")
	want("portal", "/profile", "nina@example.org")
	if res, body := h.visit(t, b, http.MethodPost, "portal", "/profile/name", "name=Nina+Shadow"); !strings.Contains(body, "Nina Shadow") { // flash
		t.Errorf("a new name ended at %s with %s", res.Request.URL, res.Status)
	}
	if res, _ := h.visit(t, b, http.MethodPost, "shop", "/auth/sign-out", ""); res.StatusCode != http.StatusOK { // shop_signout
		t.Errorf("the sign-out ended at %s with %s", res.Request.URL, res.Status)
	}
	if _, body := h.visit(t, b, http.MethodGet, "shop", "/", ""); strings.Contains(body, "Sign out") {
		t.Error("after the sign-out the browser is signed in")
	}
	if res, _ := h.visit(t, b, http.MethodGet, "forum", "/mine", ""); res.Request.URL.Path != "/sign-in" || res.StatusCode != http.StatusOK {
		t.Errorf("after the sign-out the forum led to %s with %s", res.Request.URL, res.Status)
	}
	for range 7 { // portal_device
		h.signIn(t, stranger("127.0.4.1"), "nina@example.org", "a guess that is wrong")
	}
	if res := h.signIn(t, b, "nina@example.org", ninasPassword); res.StatusCode != http.StatusOK {
		t.Errorf("a browser that has signed in before got %s", res.Status)
	}
}

// private are pages that only signed-in people see, by service.
var private = map[string]string{"portal": "/profile", "shop": "/orders", "forum": "/mine", "academy": "/seen"}

func (h *house) twoPeopleAreNobody(t *testing.T) {
	for service, page := range private {
		for _, order := range [][]who{{customer, moderator}, {moderator, customer}} {
			req := h.request(t, guest, service, http.MethodGet, page, "")
			for _, as := range order {
				for _, c := range h.cookies[as][service] {
					req.AddCookie(c)
				}
			}
			res, body := h.do(t, req)
			if service == "portal" && res.StatusCode == http.StatusSeeOther { // to its own sign-in page
				req = h.request(t, guest, service, http.MethodGet, res.Header.Get("Location"), "")
				for _, as := range order {
					for _, c := range h.cookies[as][service] {
						req.AddCookie(c)
					}
				}
				res, body = h.do(t, req)
			}
			if strings.Contains(body, "Sign out") || !strings.Contains(body, "sessions of two different people") {
				t.Errorf("%s%s: %s %s", service, page, res.Status, res.Header.Get("Location"))
			}
		}
	}
}

func (h *house) limitsAreOneByteWide(t *testing.T) {
	authorize := func(method string, change url.Values) *url.URL {
		t.Helper()
		q := h.authorizeQuery(t)
		for name, values := range change {
			q[name] = values
		}
		path, form := "/oauth/authorize?"+q.Encode(), ""
		if method == http.MethodPost {
			path, form = "/oauth/authorize", q.Encode()
		}
		res, body := h.do(t, h.request(t, customer, "portal", method, path, form))
		to, err := res.Location()
		if err == nil && to.Host == res.Request.URL.Host { // a POST comes again by GET
			res, body = h.do(t, h.request(t, customer, "portal", http.MethodGet, to.RequestURI(), ""))
			to, err = res.Location()
		}
		if err != nil {
			t.Fatalf("%s %.60s: %s %.200s", method, path, res.Status, body)
		}
		return to
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, name := range []string{"state", "nonce"} {
			most := strings.Repeat("%+ <", 1000)
			to := authorize(method, url.Values{name: {most}}).Query()
			if to.Get("code") == "" || name == "state" && to.Get("state") != most {
				t.Errorf("%s: a %s of 4,000 bytes: %.200v", method, name, to)
			}
			if to := authorize(method, url.Values{name: {most + "x"}}).Query(); to.Get("error") != "invalid_request" {
				t.Errorf("%s: a %s of 4,001 bytes: %.200v", method, name, to)
			}
		}
	}
	long := func(start string, n int) string { return start + strings.Repeat("a", n-len(start)) }
	scopes := func(n, size int) string {
		var all []string
		for i := range n {
			all = append(all, long(fmt.Sprint("s", i, "-"), size))
		}
		return strings.Join(all, "\n")
	}
	register := func(name, value string) int {
		t.Helper()
		form, err := url.ParseQuery(clientForm)
		if err != nil {
			t.Fatal(err)
		}
		form.Set("client_id", "limits-"+strconv.FormatInt(time.Now().UnixNano(), 36))
		form.Set(name, value)
		res, _ := h.do(t, h.request(t, administrator, "portal", http.MethodPost, "/admin/clients/new", form.Encode()))
		return res.StatusCode
	}
	for _, c := range []struct{ name, most, more string }{
		{"redirect_uris", long("https://app.example/", clients.MaxURI), long("https://app.example/", clients.MaxURI+1)},
		{"post_logout_redirect_uris", long("https://app.example/", clients.MaxURI), long("https://app.example/", clients.MaxURI+1)},
		{"backchannel_logout_uri", long("https://app.example/", clients.MaxURI), long("https://app.example/", clients.MaxURI+1)},
		{"audiences", long("https://app.example/", clients.MaxURI), long("https://app.example/", clients.MaxURI+1)},
		{"scopes", scopes(1, 100), scopes(1, 101)},
		{"scopes", scopes(50, 100), scopes(51, 10)},
	} {
		if status := register(c.name, c.more); status != http.StatusUnprocessableEntity {
			t.Errorf("%s of %d bytes: %d", c.name, len(c.more), status)
		}
		if status := register(c.name, c.most); status != http.StatusOK && status != http.StatusSeeOther {
			t.Errorf("%s of %d bytes: %d", c.name, len(c.most), status)
		}
	}
}

// authorizeQuery is a good authorization request of the client "hostile".
func (h *house) authorizeQuery(t *testing.T) url.Values {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {"hostile"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
}

func (h *house) previewsAreBounded(t *testing.T) {
	const length = 20_000
	_, plain := h.do(t, h.request(t, customer, "forum", http.MethodPost, "/new/preview", "title=A&board=workshop&body=a"))
	for _, unit := range []string{">", "> - ", "- ", "*a **b ", "[a](", "![", "`a``", "|a", "<", "#", "~~a", "\n> ", "1. ", "```\n"} {
		form := url.Values{"title": {"A title"}, "board": {"workshop"}, "body": {strings.Repeat(unit, length/len(unit))}}.Encode()
		res, body := h.do(t, h.request(t, customer, "forum", http.MethodPost, "/new/preview", form))
		if res.StatusCode != http.StatusOK || len(body) > len(plain)+16*length { // the text, and its HTML
			t.Errorf("%q: %s, %d bytes", unit, res.Status, len(body))
		}
		if res, _ := h.do(t, h.request(t, guest, "forum", http.MethodPost, "/new/preview", form)); res.StatusCode != http.StatusSeeOther {
			t.Errorf("%q: a guest's preview was answered with %s", unit, res.Status)
		}
	}
	posted := 0
	for n := range 30 {
		res, _ := h.do(t, h.request(t, customer, "forum", http.MethodPost, "/new", fmt.Sprintf("title=Flood+number+%d&board=workshop&body=a", n)))
		switch {
		case res.StatusCode == http.StatusSeeOther:
			posted++
		case res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "":
			t.Errorf("a thread was answered with %s", res.Status)
		}
	}
	if posted > 20 {
		t.Errorf("%d threads of one person", posted)
	}
}

func (h *house) roomCodesCantBeGuessed(t *testing.T) {
	looked := 0
	for range 30 {
		if res, _ := h.do(t, h.request(t, customer, "academy", http.MethodGet, "/join/AAAAAA", "")); res.StatusCode == http.StatusNotFound {
			looked++
		} else if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("a guess was answered with %s", res.Status)
		}
	}
	if looked != 10 {
		t.Errorf("%d guesses were looked at", looked)
	}
	if res, _ := h.do(t, h.request(t, customer, "academy", http.MethodPost, "/join/"+h.values[":code"], "")); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after that the right code was answered with %s", res.Status)
	}
}

// signIn sends the form of the sign-in page.
func (h *house) signIn(t *testing.T, b *http.Client, email, password string) *http.Response {
	t.Helper()
	res, _ := h.visit(t, b, http.MethodPost, "portal", "/sign-in", url.Values{"email": {email}, "password": {password}, "return_to": {"/"}}.Encode())
	return res
}

func (h *house) failuresLockNobodyOut(t *testing.T) {
	const address = "127.0.4.2"
	known := stranger(address)
	if res := h.signIn(t, known, "alice@example.com", estate.Password); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	thief := stranger(address)
	for n := range 61 {
		h.signIn(t, thief, fmt.Sprintf("invented-%d@example.com", n), "a guess that is wrong")
	}
	for range 3 {
		if res := h.signIn(t, known, "alice@example.com", estate.Password); res.StatusCode != http.StatusSeeOther {
			t.Errorf("a browser that has signed in before got %s", res.Status)
		}
	}
	learner, told := stranger(address), 0
	for {
		res := h.signIn(t, learner, "nina@example.org", ninasPassword)
		if res.StatusCode == http.StatusSeeOther {
			break
		}
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if told++; err != nil || res.StatusCode != http.StatusTooManyRequests || seconds < 1 || seconds > 2 || told > 5 {
			t.Fatalf("a fresh browser was told to wait %d times, the last time %d s with %s", told, seconds, res.Status)
		}
		time.Sleep(time.Duration(seconds) * time.Second) // as told
	}
}

func (h *house) foreignMarkersProveNothing(t *testing.T) {
	for name, change := range map[string]string{"prompt": "login", "max_age": "0"} {
		q := h.authorizeQuery(t)
		q.Set(name, change)
		for _, from := range []who{guest, moderator} {
			res, _ := h.do(t, h.request(t, from, "portal", http.MethodGet, "/oauth/authorize?"+q.Encode(), ""))
			to, err := res.Location()
			if err != nil || to.Path != "/sign-in" {
				t.Fatalf("%s: visitor %d came to %v with %s", name, from, to, res.Status)
			}
			marked := to.Query().Get("return_to")
			res, _ = h.do(t, h.request(t, customer, "portal", http.MethodGet, marked, ""))
			if to, err := res.Location(); err != nil || to.Path != "/sign-in" || to.Query().Get("reauth") != "1" {
				t.Errorf("%s: with the marker of visitor %d, alice came to %v with %s", name, from, to, res.Status)
			}
		}
	}
}

func (h *house) foreignCodesAreLeftAlone(t *testing.T) {
	q := h.authorizeQuery(t)
	q.Set("scope", "openid offline_access")
	res, _ := h.do(t, h.request(t, elsewhere, "portal", http.MethodGet, "/oauth/authorize?"+q.Encode(), ""))
	to, err := res.Location()
	if err != nil {
		t.Fatal(res.Status)
	}
	good := url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	others := func() {
		t.Helper()
		for name, change := range map[string]func(req *http.Request, form url.Values){
			"another client":         func(req *http.Request, _ url.Values) { req.SetBasicAuth(rival, secret) },
			"a wrong verifier":       func(_ *http.Request, form url.Values) { form.Set("code_verifier", strings.Repeat("x", 43)) },
			"another redirect URI":   func(_ *http.Request, form url.Values) { form.Set("redirect_uri", otherCallback) },
			"no verifier":            func(_ *http.Request, form url.Values) { form.Del("code_verifier") },
			"another client's guess": func(req *http.Request, form url.Values) { req.SetBasicAuth(rival, secret); form.Del("code_verifier") },
		} {
			form := url.Values{}
			for key, values := range good {
				form[key] = slices.Clone(values)
			}
			change(&http.Request{Header: http.Header{}}, form)
			req := h.request(t, client, "portal", http.MethodPost, "/oauth/token", form.Encode())
			change(req, form)
			if res, body := h.do(t, req); res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %s %s", name, res.Status, body)
			}
		}
	}
	others()
	got := h.token(t, good)
	others()
	if again := h.token(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Refresh}}); again.Access == "" {
		t.Error("the grant was revoked")
	}
}

func (h *house) peoplesTokensOpenNoAPI(t *testing.T) {
	for service, api := range map[string]struct{ method, path, scope string }{
		"shop":      {http.MethodGet, "/api/v1/purchases?product=brass-lever-handle&sub=demo-bob", "purchases:read"},
		"forum":     {http.MethodPut, "/api/v1/topics/of-a-person", "forum.topics"},
		"analytics": {http.MethodGet, "/api/v1/metrics", "analytics:read"},
	} {
		q := h.authorizeQuery(t)
		q.Set("scope", "openid "+api.scope)
		q.Set("resource", h.URL(service))
		res, _ := h.do(t, h.request(t, customer, "portal", http.MethodGet, "/oauth/authorize?"+q.Encode(), ""))
		to, err := res.Location()
		if err != nil || to.Query().Get("code") == "" {
			t.Fatalf("%s: no code: %v with %s", service, to, res.Status)
		}
		alices := h.token(t, url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}).Access
		for bearer, want := range map[string]int{alices: http.StatusForbidden, h.bearer[service]: http.StatusOK} {
			if api.method == http.MethodPut && bearer != alices {
				continue // it would write
			}
			req := h.request(t, guest, service, api.method, api.path, "")
			req.Header.Set("Authorization", "Bearer "+bearer)
			if res, body := h.do(t, req); res.StatusCode != want {
				t.Errorf("%s %s%s: %s %.200s, want %d", api.method, service, api.path, res.Status, body, want)
			}
		}
	}
}

func (h *house) deviceCookiesEnd(t *testing.T) {
	const email, before, after, address = "device@example.org", "nine grey herons at dawn", "five quiet grey herons", "127.0.4.3"
	owner, lost := stranger(address), stranger(address)
	h.visit(t, owner, http.MethodPost, "portal", "/register", url.Values{"name": {"Dev Ice"}, "email": {email}, "password": {before}, "return_to": {"/"}}.Encode())
	guesses := func() {
		thief := stranger(address)
		for range 7 {
			h.signIn(t, thief, email, "a guess that is wrong")
		}
	}
	h.signIn(t, lost, email, before)
	guesses()
	if res := h.signIn(t, lost, email, before); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("a browser that signed in before got %s", res.Status)
	}
	res, _ := h.visit(t, owner, http.MethodPost, "portal", "/profile/password", url.Values{"current_password": {before}, "new_password": {after}}.Encode())
	if res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if res := h.signIn(t, lost, email, after); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the device cookie of before the change of the password got %s", res.Status)
	}
	if res := h.signIn(t, owner, email, after); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the browser that changed the password got %s", res.Status)
	}
}

func (h *house) noClientIDIsTold(t *testing.T) {
	for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
		answers := map[string]string{}
		for _, id := range []string{"hostile", rival, "nobody", "shop"} {
			for _, method := range []string{"basic", "post", "none"} {
				form := url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}
				if method != "basic" {
					form.Set("client_id", id)
				}
				if method == "post" {
					form.Set("client_secret", "a guess")
				}
				req := h.request(t, guest, "portal", http.MethodPost, path, form.Encode())
				if method == "basic" {
					req.SetBasicAuth(id, "a guess")
				}
				res, body := h.do(t, req)
				if res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s, %s by %s: %s", path, id, method, res.Status)
				}
				answers[fmt.Sprint(body, res.Header["Www-Authenticate"], len(res.Header))] = id + " by " + method
			}
		}
		if len(answers) != 1 {
			t.Errorf("%s answers clients unlike: %v", path, answers)
		}
	}
}

// recordsInRedisOpenNothing writes to Redis what it holds already, elsewhere, and what it never held.
func (h *house) recordsInRedisOpenNothing(t *testing.T, rdb *redis.Client) {
	records := func(pattern string) map[string]string {
		t.Helper()
		all := map[string]string{}
		for _, k := range keys(t, rdb, pattern) {
			all[k] = rdb.Get(t.Context(), k).Val()
		}
		return all
	}
	put := func(k, v string) {
		t.Helper()
		if err := rdb.Set(t.Context(), k, v, redis.KeepTTL).Err(); err != nil {
			t.Fatal(err)
		}
	}
	opens := func(service string, as who) bool {
		t.Helper()
		res, body := h.do(t, h.request(t, as, service, http.MethodGet, private[service], ""))
		return res.StatusCode == http.StatusOK && strings.Contains(body, "Sign out")
	}
	sessions := map[string]map[string]string{}
	for service := range private {
		sessions[service] = records("gatehouse:" + service + ":session:*")
		if len(sessions[service]) < 2 {
			t.Fatalf("%s has %d sessions in Redis", service, len(sessions[service]))
		}
	}
	another := map[string]string{"portal": "shop", "shop": "forum", "forum": "academy", "academy": "portal"}
	for service, own := range sessions {
		names := slices.Sorted(maps.Keys(own))
		foreign := slices.Sorted(maps.Keys(sessions[another[service]]))
		for what, forged := range map[string]func(i int) string{
			"another's record":             func(i int) string { return own[names[(i+1)%len(names)]] },
			"a record of another service":  func(i int) string { return sessions[another[service]][foreign[i%len(foreign)]] },
			"a changed record":             func(i int) string { v := own[names[i]]; return v[:len(v)-1] + string(v[len(v)-1]^1) },
			"a record that is not sealed":  func(int) string { return `{"sub":"demo-admin","sid":"x","roles":["admin"]}` },
			"nothing, where something was": func(int) string { return "" },
		} {
			if service == "portal" && what != "another's record" && what != "a record of another service" {
				continue // the portal finds a sign-in that Redis has lost in its database, whose it is
			}
			for i, k := range names {
				put(k, forged(i))
			}
			for _, as := range []who{customer, moderator} {
				if service != "portal" && opens(service, as) {
					t.Errorf("with %s, %s%s opens for visitor %d", what, service, private[service], as)
				}
			}
			if service == "portal" {
				for as, email := range map[who]string{customer: "alice@example.com", moderator: "bob@example.com"} {
					if res, body := h.do(t, h.request(t, as, service, http.MethodGet, "/profile", "")); res.StatusCode == http.StatusOK && !strings.Contains(body, email) {
						t.Errorf("with %s, the portal takes visitor %d for somebody else", what, as)
					}
				}
			}
			for k, v := range own {
				put(k, v)
			}
		}
		if !opens(service, customer) || !opens(service, moderator) {
			t.Errorf("%s%s does not open with the records as they were", service, private[service])
		}
	}

	// What has ended stays so, though its record is put back.
	b := stranger("127.0.4.4")
	b.CheckRedirect = nil
	answer := estate.SignIn(t, b, h.URL("shop")+"/orders", "bob@example.com", estate.Password)
	answer.Body.Close()
	at, _ := url.Parse(h.URL("shop"))
	cookies := b.Jar.Cookies(at)
	before := records("gatehouse:shop:session:*")
	h.visit(t, b, http.MethodPost, "shop", "/auth/sign-out", "")
	for k, v := range before {
		if rdb.Exists(t.Context(), k).Val() == 0 {
			if err := rdb.Set(t.Context(), k, v, time.Hour).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	req := h.request(t, guest, "shop", http.MethodGet, "/orders", "")
	for _, c := range cookies {
		req.AddCookie(c)
	}
	if res, body := h.do(t, req); res.StatusCode == http.StatusOK || strings.Contains(body, "Sign out") {
		t.Errorf("a session that was put back after its sign-out opens the shop: %s", res.Status)
	}

	// A code is good for its own record only.
	code := func(as who) (code string, key string) {
		t.Helper()
		had := records("gatehouse:portal:code:*")
		res, _ := h.do(t, h.request(t, as, "portal", http.MethodGet, "/oauth/authorize?"+h.authorizeQuery(t).Encode(), ""))
		to, err := res.Location()
		if err != nil {
			t.Fatal(res.Status)
		}
		for k := range records("gatehouse:portal:code:*") {
			if had[k] == "" {
				key = k
			}
		}
		return to.Query().Get("code"), key
	}
	mine, mineKey := code(moderator)
	_, hersKey := code(customer)
	hers := rdb.Get(t.Context(), hersKey).Val()
	changed := regexp.MustCompile(`"[\w-]{20,}"`).ReplaceAllString(rdb.Get(t.Context(), mineKey).Val(), `"AAAAAAAAAAAAAAAAAAAAAAAA"`)
	for what, forged := range map[string]string{"hers": hers, "a changed one": changed} {
		put(mineKey, forged)
		res, body := h.do(t, h.request(t, client, "portal", http.MethodPost, "/oauth/token", url.Values{
			"grant_type": {"authorization_code"}, "code": {mine}, "redirect_uri": {callback}, "code_verifier": {verifier},
		}.Encode()))
		var told struct {
			ID    string `json:"id_token"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal([]byte(body), &told); err != nil || told.ID != "" || told.Error != "invalid_grant" {
			t.Errorf("a code with %s in its record: %s %.200s", what, res.Status, body)
		}
	}
}

package portal_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse.example/portal"
	"gatehouse.example/portal/store"
)

// asAdmin is a browser in which the administrator is signed in.
func (h *house) asAdmin() *http.Client {
	h.t.Helper()
	b := h.browser()
	h.signIn(b, "/", "email", "admin@example.com")
	return b
}

// audited are the actions in the audit, the last first, with what each was about.
func (h *house) audited() (list []store.Audit) {
	h.t.Helper()
	s, err := store.New(h.db)
	if err != nil {
		h.t.Fatal(err)
	}
	list, _, err = s.AuditRows(h.t.Context(), store.AuditQuery{Limit: 50})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

var (
	secretField  = regexp.MustCompile(`name="secret"[^>]* value="([^"]+)"`)
	versionField = regexp.MustCompile(`name="version" value="(\d+)"`)
)

func firstOf(t testing.TB, pattern *regexp.Regexp, body string) string {
	t.Helper()
	found := pattern.FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("nothing like %s in %s", pattern, body)
	}
	return found[1]
}

func clientForm(changes ...string) url.Values {
	form := url.Values{
		"client_id": {"made"}, "client_name": {"Made <here>"}, "redirect_uris": {"http://made.test/cb\nhttp://made.test/cb\nhttp://other.made.test/cb"},
		"post_logout_redirect_uris": {""}, "backchannel_logout_uri": {""}, "token_endpoint_auth_method": {"client_secret_basic"},
		"grant_types": {"authorization_code", "refresh_token"}, "scopes": {"openid  profile email roles offline_access"}, "audiences": {""},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if form.Del(changes[i]); changes[i+1] != "" {
			form[changes[i]] = strings.Split(changes[i+1], "|")
		}
	}
	return form
}

// tokensOf asks for tokens with a code, as a client.
func (h *house) tokensOf(code, id, secret, redirect string) answer {
	h.t.Helper()
	form := exchange(code)
	form.Set("redirect_uri", redirect)
	return h.post(h.browser(), "/oauth/token", form, "Authorization", basic(id, secret))
}

// A client that is made at run time signs people in, its secret is shown once, and it can be edited.
func TestConsole_ClientFromCreationToNewSecret(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		page := h.get(admin, "/admin/clients/new")
		if page.status != http.StatusOK || !strings.Contains(page.body, `name="redirect_uris"`) {
			t.Fatalf("the form: %d", page.status)
		}
		made := h.post(admin, "/admin/clients/new", clientForm())
		if made.status != http.StatusOK || made.to != nil || !strings.Contains(made.header.Get("Cache-Control"), "no-store") {
			t.Fatalf("created: %d %v: %s", made.status, made.to, made.body)
		}
		secret := firstOf(t, secretField, made.body)
		if strings.Contains(strings.Join(made.header["Set-Cookie"], " "), secret) {
			t.Error("the secret is in a cookie")
		}
		made.must(t, http.StatusOK, "ISSUER="+h.issuer+"\n", "CLIENT_ID=made\n", "CLIENT_SECRET="+secret+"\n", "REDIRECT_URI=http://made.test/cb\n", "rp.New(rp.Config{")
		again := h.post(admin, "/admin/clients/new", clientForm())
		if again.status != http.StatusConflict || !strings.Contains(again.body, "A client with this ID already exists") || !strings.Contains(again.body, "other.made.test") {
			t.Errorf("sent twice: %d", again.status)
		}
		for _, path := range []string{"/admin/clients/made", "/admin/clients/made/edit", "/admin/clients/made/secret", "/admin/clients?q=MADE", "/admin/audit"} {
			if a := h.get(admin, path); a.status != http.StatusOK || strings.Contains(a.body, secret) || strings.Contains(a.body, "<here>") {
				t.Errorf("%s: %d", path, a.status)
			}
		}

		// It signs somebody in at once, and the page that leads to it says so.
		person := h.browser()
		ask := authorizeURL("client_id", "made", "redirect_uri", "http://made.test/cb", "scope", "openid")
		signIn := h.get(person, h.get(person, ask).to.RequestURI())
		if csp := signIn.header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action 'self' http://made.test http://other.made.test") {
			t.Errorf("the sign-in page's CSP is %q", csp)
		}
		back := h.get(person, h.signIn(person, ask).to.RequestURI())
		if back.status != http.StatusSeeOther || back.to.Host != "made.test" {
			t.Fatalf("%d %v", back.status, back.to)
		}
		if a := h.tokensOf(back.to.Query().Get("code"), "made", secret, "http://made.test/cb"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}

		// An edit, and another administrator's that began before it.
		version := firstOf(t, versionField, h.get(admin, "/admin/clients/made/edit").body)
		if a := h.post(admin, "/admin/clients/made/edit", clientForm("version", version, "client_name", "Renamed")); a.status != http.StatusSeeOther {
			t.Fatalf("edit: %d %s", a.status, a.body)
		}
		late := h.post(admin, "/admin/clients/made/edit", clientForm("version", version, "scopes", "openid typed-late"))
		if late.status != http.StatusConflict || !strings.Contains(late.body, "Someone else has changed this client") ||
			!strings.Contains(late.body, "typed-late") || !strings.Contains(late.body, "Current value: Renamed") {
			t.Errorf("a late edit: %d %s", late.status, late.body)
		}
		if a := h.post(admin, "/admin/clients/made/edit", clientForm("version", firstOf(t, versionField, late.body), "scopes", "openid typed-late")); a.status != http.StatusSeeOther {
			t.Errorf("the late edit again: %d", a.status)
		}
		h.get(admin, "/admin/audit?action=client.changed").must(t, http.StatusOK, "→ Renamed")

		// A new secret: the old one is refused, the same question asked twice makes one.
		ask2 := h.get(admin, "/admin/clients/made/secret")
		form := url.Values{"version": {firstOf(t, versionField, ask2.body)}}
		second := firstOf(t, secretField, h.post(admin, "/admin/clients/made/secret", form).body)
		if a := h.post(admin, "/admin/clients/made/secret", form); a.status != http.StatusSeeOther || a.to.Path != "/admin/clients/made/secret" {
			t.Errorf("asked twice: %d %v", a.status, a.to)
		}
		code := h.get(person, ask).to.Query().Get("code")
		if a := h.tokensOf(code, "made", secret, "http://made.test/cb"); a.status != http.StatusUnauthorized {
			t.Errorf("the old secret: %d", a.status)
		}
		if a := h.tokensOf(code, "made", second, "http://made.test/cb"); a.status != http.StatusOK {
			t.Errorf("the new secret: %d %s", a.status, a.body)
		}

		var actions []string
		for _, row := range h.audited() {
			actions = append(actions, row.Action)
			raw, err := json.Marshal(row)
			if err != nil || strings.Contains(string(raw), secret) || strings.Contains(string(raw), second) {
				t.Errorf("the audit tells %s", raw)
			}
			if row.TargetID != "made" || row.Actor != "admin@example.com" {
				t.Errorf("%+v", row)
			}
		}
		if want := []string{"client.secret_rotated", "client.changed", "client.changed", "client.created"}; !slices.Equal(actions, want) {
			t.Errorf("the audit has %v", actions)
		}
	})
}

func TestConsole_ClientFormSaysWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		for name, test := range map[string]struct {
			form url.Values
			says string
		}{
			"bad id":        {clientForm("client_id", "bad id"), "starting with a letter"},
			"no id":         {clientForm("client_id", ""), "starting with a letter"},
			"relative":      {clientForm("redirect_uris", "/cb"), "must start with https://"},
			"none":          {clientForm("redirect_uris", ""), "Enter at least one address."},
			"no grant":      {clientForm("grant_types", ""), "Choose at least one option."},
			"unknown grant": {clientForm("grant_types", "password"), "Unknown value"},
			"method":        {clientForm("token_endpoint_auth_method", "magic"), "Unknown value"},
			"scope":         {clientForm("scopes", `a"b`), "is not a valid scope"},
			"public robot":  {clientForm("token_endpoint_auth_method", "none", "grant_types", "client_credentials"), "needs a client with a secret"},
			"NUL":           {clientForm("redirect_uris", "http://a.test/\x00"), "is not a valid address"},
			"not text":      {clientForm("client_name", "a\xff\x00b"), "visible characters"},
		} {
			a := h.post(admin, "/admin/clients/new", test.form)
			if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, test.says) || !strings.Contains(a.body, "The client wasn&#39;t saved") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			if name != "no id" && name != "bad id" && !strings.Contains(a.body, `value="made"`) {
				t.Errorf("%s: what was typed is lost", name)
			}
		}
		if rows := h.audited(); len(rows) != 0 {
			t.Errorf("the audit has %+v", rows)
		}
	})
}

// A declared client is read-only but for being disabled, which a start leaves alone; disabled, it gets nothing but
// notices.
func TestConsole_DisabledClientGetsNothingButNotices(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		person := h.browser()
		h.signIn(person, "/")
		got := h.tokens(exchange(h.code(person, "scope", "openid offline_access")))
		code := h.code(person)
		admin := h.asAdmin()
		if a := h.get(admin, "/admin/clients/one"); a.status != http.StatusOK || strings.Contains(a.body, "/admin/clients/one/edit") || !strings.Contains(a.body, "Set in the configuration") {
			t.Errorf("a declared client: %d", a.status)
		}
		for _, path := range []string{"edit", "secret"} {
			if a := h.get(admin, "/admin/clients/one/"+path); a.status != http.StatusSeeOther || a.to.Path != "/admin/clients/one" {
				t.Errorf("%s of a declared client: %d", path, a.status)
			}
			if a := h.post(admin, "/admin/clients/one/"+path, clientForm("version", "1")); a.status != http.StatusSeeOther || a.to.Path != "/admin/clients/one" {
				t.Errorf("%s of a declared client by POST: %d", path, a.status)
			}
		}
		if a := h.get(admin, "/admin/clients/one/disable"); a.status != http.StatusOK || !strings.Contains(a.body, "can't get or introspect tokens") {
			t.Errorf("the question: %d", a.status)
		}
		for range 2 { // the second does nothing
			if a := h.post(admin, "/admin/clients/one/disable", nil); a.status != http.StatusSeeOther {
				t.Fatalf("disable: %d %s", a.status, a.body)
			}
		}
		if a := h.token(exchange(code)); a.status != http.StatusUnauthorized {
			t.Errorf("a code of before: %d", a.status)
		}
		if a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(got, "refresh_token")}}); a.status != http.StatusUnauthorized {
			t.Errorf("a refresh: %d", a.status)
		}
		if a := h.get(person, authorizeURL()); a.status != http.StatusBadRequest {
			t.Errorf("a new code: %d", a.status)
		}
		if a := h.post(h.browser(), "/oauth/introspect", url.Values{"token": {text(got, "access_token")}}, "Authorization", basic("one", secretOne)); a.status != http.StatusUnauthorized {
			t.Errorf("introspection: %d", a.status)
		}

		// The next start of a replica does not enable it.
		deps := h.deps
		deps.Replica = "portal-2"
		if _, err := portal.New(t.Context(), deps); err != nil {
			t.Fatal(err)
		}
		if a := h.get(admin, "/admin/clients/one"); !strings.Contains(a.body, "This client is disabled") {
			t.Error("a start enabled it")
		}
		if a := h.post(person, "/sign-out", nil); a.status != http.StatusSeeOther || len(h.apps.heard("/one")) != 1 {
			t.Errorf("%d, notices: %d", a.status, len(h.apps.heard("/one")))
		}
		if a := h.post(admin, "/admin/clients/one/enable", nil); a.status != http.StatusSeeOther {
			t.Fatalf("enable: %d", a.status)
		}
		h.signIn(person, "/")
		h.tokens(exchange(h.code(person)))
		if rows := h.audited(); len(rows) != 2 || rows[0].Action != "client.enabled" || rows[1].Action != "client.disabled" {
			t.Errorf("the audit has %+v", rows)
		}
	})
}

// An id may hold anything that can be seen.
func TestConsole_ClientsOfOddNames(t *testing.T) {
	h := newHouseWith(t, func(d *portal.Deps) {
		for _, id := range []string{"https://odd.test/x?y#z", "100%", "a+&;b"} {
			d.Clients = append(d.Clients, portal.Client{ID: id, AuthMethod: "none", RedirectURIs: []string{"http://odd.test/"}})
		}
	})
	admin := h.asAdmin()
	links := regexp.MustCompile(`href="(/admin/clients/[^"]+)"`).FindAllStringSubmatch(h.get(admin, "/admin/clients").body, -1)
	if len(links) < 7 {
		t.Fatalf("%d clients are listed", len(links))
	}
	for _, link := range links {
		path := strings.ReplaceAll(link[1], "&amp;", "&")
		if path == "/admin/clients/new" {
			continue
		}
		if a := h.get(admin, path); a.status != http.StatusOK {
			t.Errorf("%s: %d", path, a.status)
		}
		if a := h.get(admin, path+"/disable"); a.status != http.StatusOK {
			t.Errorf("%s/disable: %d", path, a.status)
		}
		// With a sign-in that is too old, the way back is the same address.
		h.clock.advance(1 << 40)
		if a := h.post(admin, path+"/disable", nil); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" || a.to.Query().Get("return_to") != path+"/disable" {
			t.Errorf("%s/disable with an old sign-in: %d %v", path, a.status, a.to)
		}
		h.clock.advance(-1 << 40)
	}
	for _, id := range []string{"nobody", "%00", "%ff", strings.Repeat("a", 300)} {
		if a := h.get(admin, "/admin/clients/"+id); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", id, a.status)
		}
		if a := h.post(admin, "/admin/clients/"+id+"/disable", nil); a.status != http.StatusNotFound {
			t.Errorf("%s/disable: %d", id, a.status)
		}
	}
}

// Without the role nobody sees or changes anything.
func TestConsole_ClientsAndKeysTakeTheRole(t *testing.T) {
	h := newHouseWith(t, func(*portal.Deps) {})
	person := h.browser()
	h.signIn(person, "/")
	for _, path := range []string{"/admin/clients", "/admin/clients/new", "/admin/clients/one", "/admin/keys"} {
		if a := h.get(person, path); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", path, a.status)
		}
		if a := h.get(h.browser(), path); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" {
			t.Errorf("%s as a guest: %d", path, a.status)
		}
	}
	for _, path := range []string{"/admin/clients/new", "/admin/clients/one/disable", "/admin/keys/rotate"} {
		if a := h.post(person, path, clientForm("alg", "ES256")); a.status != http.StatusForbidden {
			t.Errorf("POST %s: %d", path, a.status)
		}
	}
}

// What was typed waits while the administrator gives the password again.
func TestConsole_ClientFormOutlivesAnOldSignIn(t *testing.T) {
	h := newHouseWith(t, func(*portal.Deps) {})
	admin := h.asAdmin()
	h.clock.advance(1 << 40) // 18 minutes
	a := h.post(admin, "/admin/clients/new", clientForm())
	if a.status != http.StatusSeeOther || a.to.Path != "/sign-in" || a.to.Query().Get("return_to") != "/admin/clients/new" {
		t.Fatalf("%d %v", a.status, a.to)
	}
	h.post(admin, "/sign-in", url.Values{"password": {"gatehouse-demo"}, "reauth": {"1"}, "return_to": {"/admin/clients/new"}})
	if form := h.get(admin, "/admin/clients/new"); form.status != http.StatusOK || !strings.Contains(form.body, "other.made.test") {
		t.Errorf("%d: what was typed is lost", form.status)
	}
}

package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const form = "application/x-www-form-urlencoded"

func TestAuthorize_Refuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		// What must never be redirected is a page.
		for name, query := range map[string]string{
			"nothing":                "",
			"no client":              request("client_id", "").Encode(),
			"unknown client":         request("client_id", "nobody").Encode(),
			"doubled client":         request().Encode() + "&client_id=one",
			"client with a NUL":      request("client_id", "one\x00").Encode(),
			"client of SQL":          request("client_id", "' OR 1=1 --").Encode(),
			"client not UTF-8":       request("client_id", "\xff").Encode(),
			"no redirect_uri":        request("redirect_uri", "").Encode(),
			"longer redirect_uri":    request("redirect_uri", callback+"/more").Encode(),
			"redirect_uri elsewhere": request("redirect_uri", "http://evil.test/callback").Encode(),
			"another's redirect_uri": request("redirect_uri", "http://two.test/callback").Encode(),
			"upper case":             request("redirect_uri", "HTTP://one.test/callback").Encode(),
			"javascript":             request("redirect_uri", "javascript:alert(1)").Encode(),
			"doubled redirect_uri":   request().Encode() + "&redirect_uri=" + url.QueryEscape(callback),
			"enormous redirect_uri":  request("redirect_uri", callback+strings.Repeat("x", 50_000)).Encode(),
			"broken encoding":        request().Encode() + "&x=%zz",
			"client of machines":     request("client_id", "robot").Encode(),
		} {
			a := h.get(b, "/oauth/authorize?"+query)
			if a.status != http.StatusBadRequest || a.to != nil || !strings.Contains(a.body, "<h1") {
				t.Errorf("%s: answered %d, to %v", name, a.status, a.to)
			}
		}
		// Everything else goes back to the client.
		for name, c := range map[string]struct{ query, code string }{
			"no response_type":    {request("response_type", "").Encode(), "invalid_request"},
			"token":               {request("response_type", "token").Encode(), "unsupported_response_type"},
			"hybrid":              {request("response_type", "code id_token").Encode(), "unsupported_response_type"},
			"form_post":           {request("response_mode", "form_post").Encode(), "invalid_request"},
			"no PKCE":             {request("code_challenge", "", "code_challenge_method", "").Encode(), "invalid_request"},
			"plain PKCE":          {request("code_challenge_method", "plain").Encode(), "invalid_request"},
			"PKCE without method": {request("code_challenge_method", "").Encode(), "invalid_request"},
			"short PKCE":          {request("code_challenge", "abc").Encode(), "invalid_request"},
			"no scope":            {request("scope", "").Encode(), "invalid_scope"},
			"only unknown scopes": {request("scope", "fly swim").Encode(), "invalid_scope"},
			"another's scope":     {request("scope", "openid others:read").Encode(), "invalid_scope"},
			"none and login":      {request("prompt", "none login").Encode(), "invalid_request"},
			"negative max_age":    {request("max_age", "-1").Encode(), "invalid_request"},
			"max_age of text":     {request("max_age", "soon").Encode(), "invalid_request"},
			"request":             {request("request", "a.b.c").Encode(), "request_not_supported"},
			"request_uri":         {request("request_uri", "http://one.test/r").Encode(), "request_uri_not_supported"},
			"registration":        {request("registration", "{}").Encode(), "registration_not_supported"},
			"another's resource":  {request("resource", "http://elsewhere.test").Encode(), "invalid_target"},
			"two resources":       {request("resource", resource).Encode() + "&resource=x", "invalid_target"},
			"doubled scope":       {request().Encode() + "&scope=openid", "invalid_request"},
			"doubled nonce":       {request().Encode() + "&nonce=x", "invalid_request"},
			"enormous nonce":      {request("nonce", strings.Repeat("x", 5000)).Encode(), "invalid_request"},
			"nonce with a NUL":    {request("nonce", "\x00").Encode(), "invalid_request"},
			"broken hint":         {request("id_token_hint", "x.y.z").Encode(), "invalid_request"},
		} {
			a := h.get(b, "/oauth/authorize?"+c.query)
			if a.status != http.StatusSeeOther || !strings.HasPrefix(a.to.String(), callback+"?") {
				t.Errorf("%s: answered %d, to %v", name, a.status, a.to)
				continue
			}
			q := a.to.Query()
			if q.Get("error") != c.code || q.Get("error_description") == "" || q.Get("state") != "the state" || q.Get("iss") != h.issuer || q.Get("code") != "" {
				t.Errorf("%s: %v, want %s", name, q, c.code)
			}
		}
		// A state that can't be believed is not repeated.
		a := h.get(b, "/oauth/authorize?"+request().Encode()+"&state=other")
		if q := a.to.Query(); q.Get("error") != "invalid_request" || q.Has("state") {
			t.Errorf("doubled state: %v", a.to)
		}
		// What is not understood is ignored; a registered query stays.
		a = h.get(b, authorizeURL("redirect_uri", "http://one.test/other?fixed=1", "ui_locales", "no", "claims", "{}", "display", "popup",
			"scope", "openid swim", "prompt", "consent"))
		if q := a.to.Query(); q.Get("code") == "" || q.Get("fixed") != "1" {
			t.Errorf("a request with what may be ignored: %v", a.to)
		}
		var n int
		if err := h.db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM sign_in_clients`); err != nil || n != 0 {
			t.Errorf("refused requests opened %d clients, %v", n, err)
		}
	})
}

func TestToken_Refuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		cc := "grant_type=client_credentials"
		for name, c := range map[string]struct {
			kind, body string
			auth       []string
			status     int
			code       string
		}{
			"no form":                {"application/json", `{"grant_type":"client_credentials"}`, []string{basic("one", secretOne)}, 400, "invalid_request"},
			"no body":                {form, "", nil, 401, "invalid_client"},
			"broken encoding":        {form, cc + "&x=%zz", []string{basic("one", secretOne)}, 400, "invalid_request"},
			"huge body":              {form, cc + "&x=" + strings.Repeat("x", 2<<20), []string{basic("one", secretOne)}, 413, "invalid_request"},
			"wrong secret":           {form, cc, []string{basic("one", secretTwo)}, 401, "invalid_client"},
			"empty secret":           {form, cc, []string{basic("one", "")}, 401, "invalid_client"},
			"unknown client":         {form, cc, []string{basic("nobody", secretOne)}, 401, "invalid_client"},
			"broken basic":           {form, cc, []string{"Basic !!!"}, 401, "invalid_client"},
			"bearer":                 {form, cc, []string{"Bearer x"}, 401, "invalid_client"},
			"two headers":            {form, cc, []string{basic("one", secretOne), basic("one", secretOne)}, 400, "invalid_request"},
			"basic and post":         {form, cc + "&client_id=one&client_secret=x", []string{basic("one", secretOne)}, 400, "invalid_request"},
			"basic, another id":      {form, cc + "&client_id=two", []string{basic("one", secretOne)}, 400, "invalid_request"},
			"post for basic client":  {form, cc + "&client_id=one&client_secret=" + secretOne, nil, 401, "invalid_client"},
			"none for basic client":  {form, cc + "&client_id=one", nil, 401, "invalid_client"},
			"basic for post client":  {form, cc, []string{basic("two", secretTwo)}, 401, "invalid_client"},
			"secret of a public one": {form, cc + "&client_id=open&client_secret=x", nil, 401, "invalid_client"},
			"assertion":              {form, cc + "&client_id=one&client_assertion=x&client_assertion_type=y", nil, 401, "invalid_client"},
			"no grant_type":          {form, "x=y", []string{basic("one", secretOne)}, 400, "invalid_request"},
			"unknown grant_type":     {form, "grant_type=password&username=a&password=b", []string{basic("one", secretOne)}, 400, "unsupported_grant_type"},
			"doubled grant_type":     {form, cc + "&" + cc, []string{basic("one", secretOne)}, 400, "invalid_request"},
			"grant of others":        {form, cc + "&client_id=two&client_secret=" + url.QueryEscape(secretTwo), nil, 400, "unauthorized_client"},
			"code of a machine":      {form, "grant_type=authorization_code&code=x", []string{basic("robot", secretOne)}, 400, "unauthorized_client"},
			"identity scope":         {form, cc + "&scope=openid", []string{basic("one", secretOne)}, 400, "invalid_scope"},
			"another's scope":        {form, cc + "&scope=others:read", []string{basic("one", secretOne)}, 400, "invalid_scope"},
			"another's resource":     {form, cc + "&resource=http://elsewhere.test", []string{basic("one", secretOne)}, 400, "invalid_target"},
			"two resources":          {form, cc + "&resource=" + resource + "&resource=" + resource, []string{basic("one", secretOne)}, 400, "invalid_target"},
			"no refresh token":       {form, "grant_type=refresh_token", []string{basic("one", secretOne)}, 400, "invalid_request"},
			"unknown refresh token":  {form, "grant_type=refresh_token&refresh_token=x", []string{basic("one", secretOne)}, 400, "invalid_grant"},
			"refresh token of bytes": {form, "grant_type=refresh_token&refresh_token=%ff%00", []string{basic("one", secretOne)}, 400, "invalid_request"},
		} {
			r, err := http.NewRequest(http.MethodPost, h.issuer+"/oauth/token", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", c.kind)
			r.Header["Authorization"] = c.auth
			a := h.do(h.browser(), r)
			if a.status != c.status || text(a.json(t), "error") != c.code || text(a.json(t), "error_description") == "" {
				t.Errorf("%s: answered %d %s, want %d %s", name, a.status, a.body, c.status, c.code)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: may be cached", name)
			}
			if (a.status == http.StatusUnauthorized) != strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s: WWW-Authenticate is %q", name, a.header.Get("WWW-Authenticate"))
			}
		}
		if a := h.get(h.browser(), "/oauth/token?"+cc); a.status != http.StatusMethodNotAllowed || text(a.json(t), "error") != "invalid_request" {
			t.Errorf("GET: %d %s", a.status, a.body)
		}
	})
}

// However a client fails to authenticate, nobody learns whether it is registered.
func TestToken_TellsNoRegisteredClient(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
			var want string
			for _, id := range []string{"nobody", "one", "two", "open", "robot"} {
				for _, method := range []string{"basic", "post", "none"} {
					if id == "open" && method == "none" {
						continue // that is how it authenticates
					}
					body := url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}
					var auth []string
					switch method {
					case "basic":
						auth = []string{"Authorization", basic(id, "a guess")}
					case "post":
						body.Set("client_id", id)
						body.Set("client_secret", "a guess")
					case "none":
						body.Set("client_id", id)
					}
					a := h.post(h.browser(), path, body, auth...)
					got := fmt.Sprint(a.status, a.body, a.header["Www-Authenticate"], a.header["Content-Length"], len(a.header))
					if want == "" {
						want = got
					}
					if got != want || a.status != http.StatusUnauthorized {
						t.Errorf("%s, %s by %s: %s\nwant %s", path, id, method, got, want)
					}
				}
			}
		}
	})
}

func TestToken_ClientCredentials(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens(url.Values{"grant_type": {"client_credentials"}, "scope": {"things:read"}, "resource": {resource}})
		if text(a, "access_token") == "" || a["refresh_token"] != nil || a["id_token"] != nil || text(a, "scope") != "things:read" {
			t.Errorf("answered %v", a)
		}
		if a := h.userinfo(text(a, "access_token")); a.status != http.StatusUnauthorized {
			t.Errorf("a machine's token opens userinfo: %d", a.status)
		}
		ours := h.tokens(url.Values{"grant_type": {"client_credentials"}})
		if a := h.userinfo(text(ours, "access_token")); a.status != http.StatusUnauthorized {
			t.Errorf("a machine's token for the portal opens userinfo: %d", a.status)
		}
	})
}

func TestUserinfo_Refuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		access := text(h.tokens(exchange(h.code(b))), "access_token")
		plain := text(h.tokens(exchange(h.code(b, "scope", "profile"))), "access_token")
		if a := h.post(b, "/oauth/userinfo", url.Values{"access_token": {access}}); a.status != http.StatusOK || text(a.json(t), "sub") != "demo-alice" {
			t.Errorf("POST: %d %s", a.status, a.body)
		}
		for name, c := range map[string]struct {
			answer answer
			status int
			code   string
		}{
			"nothing":          {h.get(b, "/oauth/userinfo"), 401, ""},
			"in the query":     {h.get(b, "/oauth/userinfo?access_token="+access), 401, ""},
			"garbage":          {h.userinfo("garbage"), 401, "invalid_token"},
			"cut":              {h.userinfo(access[:len(access)-4] + "AAAA"), 401, "invalid_token"},
			"without openid":   {h.userinfo(plain), 403, "insufficient_scope"},
			"header and form":  {h.post(b, "/oauth/userinfo", url.Values{"access_token": {access}}, "Authorization", "Bearer "+access), 400, "invalid_request"},
			"an ID token":      {h.userinfo(text(h.tokens(exchange(h.code(b))), "id_token")), 401, "invalid_token"},
			"another's scheme": {h.post(b, "/oauth/userinfo", nil, "Authorization", basic("one", secretOne)), 400, "invalid_request"},
		} {
			challenge := c.answer.header.Get("WWW-Authenticate")
			if c.answer.status != c.status || !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, c.code) ||
				(c.code == "") != !strings.Contains(challenge, "error=") {
				t.Errorf("%s: answered %d, %q", name, c.answer.status, challenge)
			}
		}
	})
}

func TestRevoke(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		set := h.tokens(exchange(h.code(b, "scope", "openid offline_access")))
		other := h.tokens(exchange(h.code(b)))
		revoke := func(token string) answer {
			return h.post(h.browser(), "/oauth/revoke", url.Values{"token": {token}}, "Authorization", basic("one", secretOne))
		}
		stranger := func(token string) answer {
			return h.post(h.browser(), "/oauth/revoke", url.Values{"token": {token}, "client_id": {"two"}, "client_secret": {secretTwo}})
		}
		for _, token := range []string{text(set, "refresh_token"), text(other, "access_token")} {
			if a := stranger(token); a.status != http.StatusBadRequest || text(a.json(t), "error") != "invalid_grant" {
				t.Errorf("another client revoked: %d %s", a.status, a.body)
			}
		}
		for _, token := range []string{"unknown", "a.b.c", text(other, "access_token"), text(set, "refresh_token"), text(set, "refresh_token")} {
			if a := revoke(token); a.status != http.StatusOK {
				t.Errorf("revoking answered %d %s", a.status, a.body)
			}
		}
		if a := revoke(""); text(a.json(t), "error") != "invalid_request" {
			t.Errorf("no token: %d %s", a.status, a.body)
		}
		for _, set := range []map[string]any{set, other} {
			if a := h.userinfo(text(set, "access_token")); a.status != http.StatusUnauthorized {
				t.Errorf("a revoked token opens userinfo: %d", a.status)
			}
		}
		a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(set, "refresh_token")}})
		if text(a.json(t), "error") != "invalid_grant" {
			t.Errorf("a revoked refresh token: %d %s", a.status, a.body)
		}
		if a := h.get(b, authorizeURL("prompt", "none")); a.to.Query().Get("code") == "" {
			t.Errorf("revoking ended the sign-in: %v", a.to)
		}
	})
}

func TestDiscovery_IsTrue(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.get(h.browser(), "/.well-known/openid-configuration").json(t)
		if text(m, "issuer") != h.issuer {
			t.Errorf("issuer is %v", m["issuer"])
		}
		if m["gatehouse_backchannel_logout_offline_access"] != true {
			t.Error("sso/rp would not ask for offline_access")
		}
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint", "end_session_endpoint"} {
			if a := h.get(h.browser(), text(m, name)); a.status == http.StatusNotFound || a.status >= 500 {
				t.Errorf("%s is not there: %d", name, a.status)
			}
		}
		set := h.get(h.browser(), text(m, "jwks_uri"))
		keys, _ := set.json(t)["keys"].([]any)
		if len(keys) != 2 || strings.Contains(set.body, `"d"`) || !strings.Contains(set.header.Get("Cache-Control"), "max-age") {
			t.Errorf("the key set is %s", set.body)
		}
	})
}

package oidc_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/oidc"
)

const back = "http://app.test/cb"

var registered = oidc.Registered{"app": {
	ID: "app", RedirectURIs: []string{back}, AuthMethod: clients.SecretBasic, Scopes: []string{"openid"},
	GrantTypes: []string{clients.AuthorizationCode},
}}

const goodRequest = "client_id=app&redirect_uri=http%3A%2F%2Fapp.test%2Fcb&response_type=code&scope=openid&state=s" +
	"&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

func FuzzAuthorize(f *testing.F) {
	for _, s := range []string{
		goodRequest, goodRequest + "&client_id=app", goodRequest + "&state=x", goodRequest + "&max_age=99999999999", "%zz", "",
		strings.Replace(goodRequest, "cb", "cb%2F..", 1), goodRequest + "&prompt=none+login", goodRequest + "&resource=%00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		to, ok, strange := oidc.Authorize(raw, registered)
		if strange != nil {
			t.Fatalf("%q: %v", raw, strange)
		}
		if to != "" && to != back || ok && to == "" {
			t.Fatalf("%q leads to %q", raw, to)
		}
		sent, _ := url.ParseQuery(raw)
		if ok && (len(sent["client_id"]) != 1 || len(sent["redirect_uri"]) != 1 || len(sent["code_challenge"]) != 1 || sent.Get("code_challenge_method") != "S256") {
			t.Fatalf("%q passed", raw)
		}
	})
}

func FuzzBasic(f *testing.F) {
	for _, s := range []string{"Basic YTpi", "basic YTpi", "Basic", "Basic !", "Bearer x", "Basic JTAwOiVmZg==", "Basic Og=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok := oidc.ParseBasic(header)
		if ok && (id == "" || !utf8.ValidString(id) || !utf8.ValidString(secret)) {
			t.Fatalf("%q gives %q %q", header, id, secret)
		}
	})
}

func FuzzBasicRoundTrip(f *testing.F) {
	f.Add("app", "secret:with+odd %/ characters")
	f.Fuzz(func(t *testing.T, id, secret string) {
		if id == "" || len(id) > 200 || len(secret) > 300 || !utf8.ValidString(id) || !utf8.ValidString(secret) {
			return
		}
		gotID, gotSecret, ok := oidc.ParseBasic("Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret))))
		if len(url.QueryEscape(id))+len(url.QueryEscape(secret)) < 1400 && (!ok || gotID != id || gotSecret != secret) {
			t.Fatalf("%q %q became %q %q", id, secret, gotID, gotSecret)
		}
	})
}

func FuzzTokenRequest(f *testing.F) {
	f.Add("Basic YTpi", "grant_type=authorization_code&code=x")
	f.Add("", "client_id=app&client_secret=x")
	f.Add("", "client_id=app&client_id=app")
	f.Add("Basic YTpi", "client_id=b")
	f.Fuzz(func(t *testing.T, header, body string) {
		var headers []string
		if header != "" {
			headers = append(headers, header)
		}
		method, id, secret, err := oidc.Credentials(headers, body)
		if err != nil {
			return
		}
		if id == "" || method == clients.Public && secret != "" || method == clients.SecretPost && (header != "" || secret == "") {
			t.Fatalf("%q %q is %s %q", header, body, method, id)
		}
	})
}

func TestChallengeOf(t *testing.T) {
	// RFC 7636, appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if oidc.ChallengeOf(verifier) != challenge {
		t.Error("the standard's example does not verify")
	}
	for _, v := range []string{"", verifier[:42], verifier + "x", challenge, strings.Repeat("x", 129), verifier[:42] + "!"} {
		if oidc.ChallengeOf(v) == challenge {
			t.Errorf("%q verifies", v)
		}
	}
}

func TestWithQuery(t *testing.T) {
	answer := url.Values{"a": {"1"}}
	for uri, want := range map[string]string{
		"http://x/": "http://x/?a=1", "http://x/?b=2": "http://x/?b=2&a=1", "http://x/?": "http://x/?a=1", "http://x/?b&": "http://x/?b&a=1",
	} {
		if got := oidc.WithQuery(uri, answer); got != want {
			t.Errorf("%s became %s, want %s", uri, got, want)
		}
	}
}

//go:build unix

package join_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// Each of the document's apps joins an estate with the document's clients.json, in which only the port is another: one
// sign-in at the portal opens the bank, roles count there, and a sign-out at the shop reaches it over the back channel.
func TestJoin_TheDocumentedAppWorksWithGatehouse(t *testing.T) {
	for sample, name := range []string{"Echo", "net/http"} {
		t.Run(name, func(t *testing.T) { joinGatehouse(t, build(t, sample)) })
	}
}

func joinGatehouse(t *testing.T, app string) {
	listen, release := reserveAddr(t)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://bank.localhost:" + port
	house := estate.Start(t, estate.Options{Clients: declaration(t, base)})
	redisURL := env.RedisURL(t)
	release()
	start(t, app, listen, map[string]string{
		"REDIS_URL": redisURL, "LISTEN": listen, "BASE_URL": base,
		"ISSUER": house.URL("portal"), "CLIENT_ID": "bank", "CLIENT_SECRET": "make-this-one-with-openssl-rand-hex-32", "KEY": "and-another-one-with-openssl-rand-hex-32",
	})

	askTheAPI(t, house, base)

	alice := house.Browser()
	orders := estate.SignIn(t, alice, house.URL("shop")+"/orders", "alice@example.com", estate.Password)
	read(t, orders)
	if got := get(t, alice, base+"/account"); got != "The account of alice@example.com.\n" {
		t.Fatalf("signed in at the portal, the bank says %q", got)
	}
	res, err := alice.Get(base + "/vault")
	if err != nil {
		t.Fatal(err)
	}
	if body := read(t, res); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "need the role admin") {
		t.Errorf("the vault answered a customer %d %q", res.StatusCode, body)
	}

	admin := house.Browser()
	opened := estate.SignIn(t, admin, base+"/vault", "admin@example.com", estate.Password)
	if body := read(t, opened); body != "Gold.\n" || opened.Request.URL.String() != base+"/vault" {
		t.Errorf("an admin came to %s: %q", opened.Request.URL, body)
	}

	signOutAt(t, alice, house.URL("shop"))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if got := get(t, alice, base+"/"); got == "Good day, stranger.\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("signed out of the shop, the bank still knows the person")
		}
	}
	if got := get(t, admin, base+"/vault"); got != "Gold.\n" {
		t.Errorf("somebody else's sign-out reached the admin's browser: %q", got)
	}
}

// askTheAPI does what the document's curl commands do: the teller gets a token and asks the bank with it, the bank asks
// the portal about the token, and the teller gives it up.
func askTheAPI(t *testing.T, house *estate.Estate, base string) {
	t.Helper()
	post := func(client, secret, path string, form url.Values) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, house.URL("portal")+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(client, secret)
		res, err := house.Browser().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, read(t, res)
	}
	const teller, bank = "and-this-one-with-openssl-rand-hex-32", "make-this-one-with-openssl-rand-hex-32"
	_, body := post("teller", teller, "/oauth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"balance:read"}, "resource": {base}})
	var issued struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &issued); err != nil || issued.Token == "" {
		t.Fatalf("no token: %s", body)
	}
	for token, want := range map[string]int{issued.Token: http.StatusOK, issued.Token + "x": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/balance", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := house.Browser().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body := read(t, res); res.StatusCode != want || (want == http.StatusOK) != strings.Contains(body, `"asked_by":"teller"`) {
			t.Errorf("the bank's API answered %d %s; want %d", res.StatusCode, body, want)
		}
	}
	about := url.Values{"token": {issued.Token}}
	if status, body := post("bank", bank, "/oauth/introspect", about); status != http.StatusOK || !strings.Contains(body, `"active":true`) {
		t.Errorf("the bank is told %d %s", status, body)
	}
	if status, body := post("teller", teller, "/oauth/revoke", about); status != http.StatusOK {
		t.Errorf("revoking answered %d %s", status, body)
	}
	if status, body := post("bank", bank, "/oauth/introspect", about); status != http.StatusOK || strings.TrimSpace(body) != `{"active":false}` {
		t.Errorf("of a revoked token the bank is told %d %s", status, body)
	}
}

// declaration is the document's clients.json for an app at base.
func declaration(t *testing.T, base string) json.RawMessage {
	t.Helper()
	doc, err := os.ReadFile("../../docs/join.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(doc)
	if block == nil {
		t.Fatal("docs/join.md shows no clients.json")
	}
	return json.RawMessage(strings.ReplaceAll(string(block[1]), "http://bank.localhost:9000", base))
}

// signOutAt presses the button of a sibling app.
func signOutAt(t *testing.T, browser *http.Client, origin string) {
	t.Helper()
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/auth/sign-out", strings.NewReader(url.Values{}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Origin", origin)
	post.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := browser.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	read(t, res)
}

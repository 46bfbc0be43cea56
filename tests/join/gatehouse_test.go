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

	"gatehouse/tests/env"
	"gatehouse/tests/estate"
)

// The document's app joins an estate with the document's clients.json, in which only the port is another: one sign-in
// at the portal opens the bank, roles count there, and a sign-out at the shop reaches it over the back channel.
func TestJoin_TheDocumentedAppWorksWithGatehouse(t *testing.T) {
	app, listen := build(t), freeAddr(t)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://bank.localhost:" + port
	house := estate.Start(t, estate.Options{Clients: declaration(t, base)})
	start(t, app, listen, map[string]string{
		"REDIS_URL": env.RedisURL(t), "LISTEN": listen, "BASE_URL": base,
		"ISSUER": house.URL("portal"), "CLIENT_ID": "bank", "CLIENT_SECRET": "make-this-one-with-openssl-rand-hex-32",
	})

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
	if body := read(t, res); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "takes the role admin") {
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

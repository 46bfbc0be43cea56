//go:build unix

package flows_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gatehouse.example/tests/estate"
)

func TestOpenIDClient_SignsInRefreshesAndSignsOut(t *testing.T) {
	modules(t)
	a := newAcme(t)
	for _, client := range []struct{ id, method string }{
		{"acme", "client_secret_basic"}, {"acme-post", "client_secret_post"}, {"acme-public", "none"},
	} {
		t.Run(client.method, func(t *testing.T) { a.runScript(t, client.method, client.id) })
	}
}

func (a *acme) runScript(t *testing.T, method, id string) {
	goodbye := a.site.URL + "/goodbye"
	script := exec.CommandContext(t.Context(), "node", "openid-client.mjs",
		a.estate.URL("portal"), method, id, secret, a.site.URL+"/callback", goodbye, "bob@example.com", estate.Password)
	out, err := script.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("openid-client: %s", failed.Stderr)
	} else if err != nil {
		t.Fatalf("this test needs Node 20 or later (apt-get install nodejs npm, or brew install node): %v", err)
	}
	var got struct {
		Sub, Email, Renewed, Goodbye, Late, Revoked, Closed string
		Roles                                               []string
		Good, GoodRefresh, Gone                             told
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.Sub != "demo-bob" || got.Renewed != "demo-bob" || got.Email != "bob@example.com" || strings.Join(got.Roles, " ") != "moderator" {
		t.Errorf("openid-client learnt %+v", got)
	}
	if got.Goodbye != goodbye+"?state=bye" {
		t.Errorf("after the sign-out it came to %s", got.Goodbye)
	}
	if got.Late != "invalid_grant" {
		t.Errorf("refresh after the sign-out: %s; want invalid_grant", got.Late)
	}
	if got.Revoked != "accepted" { // RFC 7009 §2.2: a token that is no longer valid is not an error
		t.Errorf("revocation: %s", got.Revoked)
	}
	good, refresh, gone := told{true, "demo-bob", id, "bob@example.com", ""}, told{true, "demo-bob", id, "", ""}, told{}
	if method == "none" { // RFC 7662 §2.1: only for those who can prove who they are
		good, refresh, gone = told{Refused: "basic"}, told{Refused: "basic"}, told{Refused: "basic"}
	}
	if got.Good != good || got.GoodRefresh != refresh || got.Gone != gone {
		t.Errorf("introspection told %+v and %+v, after the revocation %+v", got.Good, got.GoodRefresh, got.Gone)
	}
	if got.Closed != "invalid_token" {
		t.Errorf("userinfo with a revoked access token: %s; want invalid_token", got.Closed)
	}
}

// told is what openid-client learns by introspection.
type told struct {
	Active                         bool
	Sub, Client, Username, Refused string
}

// modules installs what tests/package.json names, once.
func modules(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../node_modules/openid-client"); err == nil {
		return
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	install.Dir = ".."
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in tests/ (apt-get install nodejs npm, or brew install node): %v: %s", err, out)
	}
}

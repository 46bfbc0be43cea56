//go:build unix

package endings_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// grant is what the tool holds of one sign-in.
type grant struct {
	access, refresh string
	spent           []string // refresh tokens that were used
}

const verifier = "verifier-verifier-verifier-verifier-verifier-0123"

// grant has the tool fetch tokens for the bank's API, with the sign-in that the
// browser has.
func (b *browser) grant() (*grant, result) {
	b.house.t.Helper()
	challenge := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {"tool"}, "redirect_uri": {toolCallback}, "state": {"s"}, "nonce": {"n"},
		"scope": {"openid offline_access " + scope}, "resource": {b.house.estate.URL("bank")},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	r := get(b.house.t, b.at(b.house.banks[0], false), b.house.portalURL("/oauth/authorize?"+q.Encode()))
	to, err := url.Parse(r.header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		return nil, r
	}
	g := &grant{}
	r = b.house.redeem(g, url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {toolCallback}, "code_verifier": {verifier},
	})
	return g, r
}

// refreshed uses the grant's refresh token.
func (h *house) refreshed(g *grant) result {
	h.t.Helper()
	used := g.refresh
	r := h.redeem(g, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {used}})
	if r.status == http.StatusOK {
		g.spent = append(g.spent, used)
	}
	return r
}

// redeem asks the token endpoint, and keeps what it gives.
func (h *house) redeem(g *grant, form url.Values) result {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, h.portalURL("/oauth/token"), strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("tool", bankSecret)
	r := ask(h.t, h.tool(), req)
	if r.status == http.StatusOK {
		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if err := json.Unmarshal([]byte(r.body), &tokens); err != nil {
			h.t.Fatal(err)
		}
		g.access, g.refresh = tokens.Access, tokens.Refresh
	}
	return r
}

// tool is the tool's way to the portal.
func (h *house) tool() *http.Client {
	h.toolOnce.Do(func() { h.toolHTTP = h.client() })
	return h.toolHTTP
}

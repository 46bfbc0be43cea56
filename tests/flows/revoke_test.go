//go:build unix

package flows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"gatehouse.example/tests/estate"
)

// A program's token opens the shop's API on every replica; once the portal has answered that it is revoked, it opens it
// on none, though every replica has verified and remembered it, and while others' tokens go on.
func TestRevoke_EveryReplicaOfTheShopRefusesAtOnce(t *testing.T) {
	house := withPartner(t)
	shop := house.shop
	config := clientcredentials.Config{
		ClientID: "partner", ClientSecret: secret, TokenURL: house.URL("portal") + "/oauth/token", Scopes: []string{"purchases:read"},
		EndpointParams: url.Values{"resource": {shop}},
	}
	for range 5 { // revocations
		revoked, other := partnerToken(t, house, config), partnerToken(t, house, config)
		bothRemember(t, house, revoked, other)
		if status, body := partnerAsks(t, house, "/oauth/introspect", revoked); status != http.StatusOK || !strings.Contains(body, `"active":true`) {
			t.Errorf("introspection before: %d %s", status, body)
		}
		if status, body := partnerAsks(t, house, "/oauth/revoke", revoked); status != http.StatusOK {
			t.Fatalf("revoking: %d %s", status, body)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20 {
					if status, by := purchases(t, house, shop, revoked); status != http.StatusUnauthorized {
						t.Errorf("a revoked token: %d by %s", status, by)
					}
					if status, by := purchases(t, house, shop, other); status != http.StatusOK {
						t.Errorf("a token that was not revoked: %d by %s", status, by)
					}
				}
			})
		}
		wg.Wait()
		if status, body := partnerAsks(t, house, "/oauth/introspect", revoked); status != http.StatusOK || strings.TrimSpace(body) != `{"active":false}` {
			t.Errorf("introspection after: %d %s", status, body)
		}
	}
}

// bothRemember asks until both replicas of the shop have answered each token. Right after the start one of them may say
// 503: it does not know the denylist yet.
func bothRemember(t *testing.T, house *partner, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		served := map[string]bool{}
		for deadline := time.Now().Add(30 * time.Second); len(served) < 2; {
			switch status, by := purchases(t, house, house.shop, token); {
			case status == http.StatusOK:
				served[by] = true
			case status != http.StatusServiceUnavailable:
				t.Fatalf("a good token: %d by %s", status, by)
			}
			if time.Now().After(deadline) {
				t.Fatalf("only %v answered; this test needs two replicas of the shop", served)
			}
		}
	}
}

// partner is a program of somebody else's that may ask the shop, and the estate that knows it.
type partner struct {
	*estate.Estate
	shop   string
	client *http.Client
}

func withPartner(t *testing.T) *partner {
	t.Helper()
	// The declaration names the shop, so that the port must be known beforehand.
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	shop := strings.Replace(addr, "127.0.0.1", "http://shop.localhost", 1)
	house := estate.Start(t, estate.Options{
		Args: []string{"--addr", addr},
		Clients: []map[string]any{{
			"client_id": "partner", "client_name": "Partner", "client_secret": secret, "grant_types": []string{"client_credentials"},
			"scopes": []string{"purchases:read"}, "audiences": []string{shop},
		}},
	})
	return &partner{house, shop, house.Browser()}
}

func partnerToken(t *testing.T, house *partner, config clientcredentials.Config) string {
	t.Helper()
	token, err := config.Token(context.WithValue(t.Context(), oauth2.HTTPClient, house.client))
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// purchases asks the shop's API, and tells which replica answered.
func purchases(t *testing.T, house *partner, shop, token string) (status int, by string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shop+"/api/v1/purchases?product=brass-lever-handle&sub=demo-alice", nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := house.client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	if challenge := res.Header.Get("WWW-Authenticate"); res.StatusCode == http.StatusUnauthorized && !strings.Contains(challenge, `error="invalid_token"`) {
		t.Errorf("401 with %q", challenge)
	}
	return res.StatusCode, res.Header.Get("X-Served-By")
}

// partnerAsks posts a token to an endpoint of the portal.
func partnerAsks(t *testing.T, house *partner, path, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, house.URL("portal")+path, strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("partner", secret)
	res, err := house.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var told json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&told); err != nil && res.ContentLength != 0 {
		told = json.RawMessage(fmt.Sprint(err))
	}
	return res.StatusCode, string(told)
}

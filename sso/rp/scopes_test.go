package rp_test

import (
	"testing"

	"gatehouse/sso/rp"
	"gatehouse/tests/env"
)

// Keycloak sends no logout token for a sign-in whose first request asked for offline_access.
func TestSignIn_OfflineAccessIsForTheOwnPortal(t *testing.T) {
	for name, c := range map[string]struct {
		portal bool
		scopes []string
		want   string
	}{
		"another provider":          {false, nil, "openid profile email roles"},
		"another provider, if told": {false, []string{"email", "offline_access"}, "openid email offline_access"},
		"the portal":                {true, nil, "openid profile email roles offline_access"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.portal = c.portal
			a := newAppWith(t, p, env.MiniRedis(t), func(config *rp.Config) { config.Scopes = c.scopes })
			newBrowser(t).get(a.URL + "/orders")
			if got := p.lastAuth.Get("scope"); got != c.want {
				t.Errorf("asked for %q, want %q", got, c.want)
			}
		})
	}
}

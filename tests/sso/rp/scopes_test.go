package rp_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/rp"
	"gatehouse.example/tests/env"
)

func TestSignIn_RolesFromAClaim(t *testing.T) {
	keycloak := map[string]any{"roles": []string{"staff", "editor"}}
	for name, c := range map[string]struct {
		claim string
		spoil func(jwt.MapClaims)
		want  string
	}{
		"not told":                {"", nil, "[customer]"},
		"a path":                  {"realm_access.roles", func(c jwt.MapClaims) { c["realm_access"] = keycloak }, "[staff editor]"},
		"a name with dots":        {"https://idp.example/roles", func(c jwt.MapClaims) { c["https://idp.example/roles"] = []string{"staff"} }, "[staff]"},
		"one role as text":        {"role", func(c jwt.MapClaims) { c["role"] = "staff" }, "[staff]"},
		"roles of another form":   {"realm_access.roles", func(c jwt.MapClaims) { c["roles"], c["realm_access"] = map[string]any{}, keycloak }, "[staff editor]"},
		"missing: not from roles": {"realm_access.roles", nil, "[]"},
		"not a list":              {"realm_access.roles", func(c jwt.MapClaims) { c["realm_access"] = "roles" }, "[]"},
		"not of strings":          {"realm_access.roles", func(c jwt.MapClaims) { c["realm_access"] = map[string]any{"roles": []int{1}} }, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.idToken = c.spoil
			a := newAppWith(t, p, env.MiniRedis(t), func(config *rp.Config) { config.RolesClaim = c.claim })
			if got := newBrowser(t).get(a.URL + "/roles").body; got != c.want {
				t.Errorf("the roles are %s, want %s", got, c.want)
			}
		})
	}
}

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

package admin_test

import (
	"go/format"
	"strings"
	"testing"

	"gatehouse.example/portal/admin"
	"gatehouse.example/portal/clients"
)

func TestClientSample_CanBePasted(t *testing.T) {
	signsIn := func(method string, redirects ...string) clients.Client {
		return clients.Client{ID: "my 'app'", AuthMethod: method, GrantTypes: []string{clients.AuthorizationCode}, RedirectURIs: redirects}
	}
	for name, test := range map[string]struct {
		client  clients.Client
		want    []string // lines of the environment
		lacks   string
		isGo    bool
		hasNote bool
	}{
		"of sso/rp": {
			client: signsIn(clients.SecretBasic, "https://app.test/other", "https://app.test/auth/callback"), lacks: "curl", isGo: true,
			want: []string{"ISSUER=http://portal.localhost:8080", `CLIENT_ID='my '\''app'\'''`, `CLIENT_SECRET='it'\''s'`,
				"REDIRECT_URI=https://app.test/auth/callback", "BASE_URL=https://app.test"},
		},
		"public, elsewhere": {
			client: signsIn(clients.Public, "https://app.test/cb"), lacks: "CLIENT_SECRET", isGo: true, hasNote: true,
			want: []string{"REDIRECT_URI=https://app.test/cb", "BASE_URL=https://app.test"},
		},
		"a program": {
			client: clients.Client{ID: "job", AuthMethod: clients.SecretPost, GrantTypes: []string{clients.ClientCredentials}, Audiences: []string{"https://api.test"}},
			lacks:  "REDIRECT_URI", want: []string{"CLIENT_ID=job"},
		},
	} {
		s := admin.SampleOf(t, test.client, "it's")
		for _, want := range test.want {
			if !strings.Contains("\n"+s.Env+"\n", "\n"+want+"\n") {
				t.Errorf("%s lacks %s:\n%s", name, want, s.Env)
			}
		}
		if strings.Contains(s.Env+s.Program, test.lacks) {
			t.Errorf("%s has %s:\n%s\n%s", name, test.lacks, s.Env, s.Program)
		}
		if s.IsGo != test.isGo || (s.Note != "") != test.hasNote {
			t.Errorf("%s: Go %v, note %q", name, s.IsGo, s.Note)
		}
		if !s.IsGo {
			continue
		}
		if tidy, err := format.Source([]byte(s.Program)); err != nil || string(tidy) != s.Program {
			t.Errorf("%s is not formatted Go, %v:\n%s", name, err, s.Program)
		}
	}
}

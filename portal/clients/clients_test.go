package clients_test

import (
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/db"
	"gatehouse/portal/clients"
	"gatehouse/portal/store"
	"gatehouse/tests/env"
)

const secret = "a-long-and-random-secret-0123456789-0123456789"

func good() clients.Client {
	return clients.Client{ID: "app", Secret: secret, RedirectURIs: []string{"https://app.test/cb"}}
}

func TestPrepare_Refuses(t *testing.T) {
	for name, change := range map[string]func(*clients.Client){
		"no id":              func(c *clients.Client) { c.ID = "" },
		"spaces in the id":   func(c *clients.Client) { c.ID = "a b" },
		"no secret":          func(c *clients.Client) { c.Secret = "" },
		"short secret":       func(c *clients.Client) { c.Secret = "short" },
		"broken hash":        func(c *clients.Client) { c.SecretSHA256 = "xyz" },
		"public with secret": func(c *clients.Client) { c.AuthMethod = clients.Public },
		"unknown method":     func(c *clients.Client) { c.AuthMethod = "private_key_jwt" },
		"unknown grant":      func(c *clients.Client) { c.GrantTypes = []string{"password"} },
		"no redirect":        func(c *clients.Client) { c.RedirectURIs = nil },
		"relative redirect":  func(c *clients.Client) { c.RedirectURIs = []string{"/cb"} },
		"javascript":         func(c *clients.Client) { c.RedirectURIs = []string{"javascript:alert(1)"} },
		"fragment":           func(c *clients.Client) { c.RedirectURIs = []string{"https://app.test/#x"} },
		"user":               func(c *clients.Client) { c.RedirectURIs = []string{"https://a:b@app.test/"} },
		"wild card or space": func(c *clients.Client) { c.RedirectURIs = []string{"https://app.test/ x"} },
		"post logout":        func(c *clients.Client) { c.PostLogoutRedirectURIs = []string{"nowhere"} },
		"back channel":       func(c *clients.Client) { c.BackchannelLogoutURI = "ftp://app.test" },
		"public machine": func(c *clients.Client) {
			c.Secret, c.AuthMethod, c.GrantTypes = "", clients.Public, []string{clients.ClientCredentials}
		},
	} {
		c := good()
		change(&c)
		if _, err := c.Prepare(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c, err := good().Prepare()
	if err != nil || c.Secret != "" || !c.HasSecret(secret) || c.HasSecret("") || c.AuthMethod != clients.SecretBasic {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRegistry_DeclaresAndReloads(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		open := func(declared ...clients.Client) *clients.Registry {
			r, err := clients.NewRegistry(t.Context(), s, declared, func() time.Time { return now }, log)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := open(good())
		if c, ok := r.Client(t.Context(), "app"); !ok || !c.AllowsRedirect("https://app.test/cb") || c.AllowsRedirect("https://app.test/cb/") {
			t.Errorf("%+v, %v", c, ok)
		}
		if !slices.Equal(r.Origins(), []string{"https://app.test"}) {
			t.Errorf("origins are %v", r.Origins())
		}
		other := good()
		other.Name, other.Scopes = "Renamed", []string{"openid", "more"}
		open(other) // another replica, newly configured
		if c, _ := r.Client(t.Context(), "app"); c.Name != "app" {
			t.Errorf("the database was asked at once: %q", c.Name)
		}
		now = now.Add(6 * time.Second)
		if c, _ := r.Client(t.Context(), "app"); c.Name != "Renamed" || !r.KnowsScope(t.Context(), "more") {
			t.Errorf("a change was not noticed: %+v", c)
		}
		if _, err := d.ExecContext(t.Context(), `UPDATE clients SET disabled_at = 1`); err != nil {
			t.Fatal(err)
		}
		now = now.Add(6 * time.Second)
		if _, ok := r.Client(t.Context(), "app"); ok {
			t.Error("a disabled client is served")
		}
		now = now.Add(6 * time.Second)
		_ = d.Close()
		if _, ok := r.Client(t.Context(), "nobody"); ok || r.Origins() == nil {
			t.Error("without the database what is known is not used")
		}
		if _, err := clients.NewRegistry(t.Context(), s, []clients.Client{good(), good()}, time.Now, log); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("declared twice: %v", err)
		}
	})
}

func FuzzCheckURI(f *testing.F) {
	for _, s := range []string{"https://app.test/cb", "//x", "http://", "http://a@b/", "javascript:x", "http://a/#", "http://a/\x00", "http://[::1]:80/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if clients.CheckURI(uri) != nil {
			return
		}
		if !strings.HasPrefix(strings.ToLower(uri), "http") || strings.ContainsAny(uri, "#\r\n \x00") {
			t.Errorf("%q may be registered", uri)
		}
		c := clients.Client{RedirectURIs: []string{uri}}
		if !c.AllowsRedirect(uri) || c.AllowsRedirect(uri+"/") || c.AllowsRedirect("x"+uri) {
			t.Errorf("%q does not match exactly", uri)
		}
	})
}

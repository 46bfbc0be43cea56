package clients_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
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
		if _, err := c.Prepare(true); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, change := range map[string]func(*clients.Client){
		"a directive in the host":  func(c *clients.Client) { c.RedirectURIs = []string{"https://a;sandbox/cb"} },
		"a wild card in the host":  func(c *clients.Client) { c.RedirectURIs = []string{"https://*.example.com/cb"} },
		"no host":                  func(c *clients.Client) { c.RedirectURIs = []string{"https://:443/cb"} },
		"a long address":           func(c *clients.Client) { c.RedirectURIs = []string{"https://a.test/" + strings.Repeat("x", 2000)} },
		"many addresses":           func(c *clients.Client) { c.RedirectURIs = slices.Repeat([]string{"https://a.test/"}, 51) },
		"a quoted scope":           func(c *clients.Client) { c.Scopes = []string{`open"id`} },
		"an empty scope":           func(c *clients.Client) { c.Scopes = []string{""} },
		"many scopes":              func(c *clients.Client) { c.Scopes = slices.Repeat([]string{"openid"}, 51) },
		"a long name":              func(c *clients.Client) { c.Name = strings.Repeat("x", 101) },
		"a name with a line break": func(c *clients.Client) { c.Name = "a\nb" },
	} {
		c := good()
		change(&c)
		if _, err := c.Prepare(true); err == nil || len(clients.FaultsOf(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := good().Prepare(true)
	if err != nil || c.Secret != "" || !c.HasSecret(secret) || c.HasSecret("") || c.AuthMethod != clients.SecretBasic {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestPrepare_HashInUpperCase(t *testing.T) {
	c := good()
	c.Secret, c.SecretSHA256 = "", fmt.Sprintf("%X", sha256.Sum256([]byte(secret)))
	c, err := c.Prepare(true)
	if err != nil || !c.HasSecret(secret) || c.HasSecret(secret+"x") {
		t.Errorf("%+v, %v", c, err)
	}
}

// All that is wrong is said at once, each with its field.
func TestPrepare_FaultsByField(t *testing.T) {
	_, err := clients.Client{
		ID: "app", AuthMethod: clients.Public, GrantTypes: []string{clients.AuthorizationCode, clients.ClientCredentials},
		PostLogoutRedirectURIs: []string{"x", "y"},
	}.Prepare(false)
	faults := clients.FaultsOf(err)
	if len(faults) != 3 || faults["redirect_uris"] != "Enter at least one address." || faults["grant_types"] == "" ||
		!strings.Contains(faults["post_logout_redirect_uris"], `"x"`) || !strings.Contains(faults["post_logout_redirect_uris"], `"y"`) {
		t.Errorf("%v: %v", faults, err)
	}
	if len(clients.FaultsOf(nil)) != 0 || len(clients.FaultsOf(io.EOF)) != 0 {
		t.Error("there are faults in what is none")
	}
}

// An estate behind TLS registers no address without, but for this machine.
func TestCheckURI_PlainHTTP(t *testing.T) {
	for uri, local := range map[string]bool{
		"http://127.0.0.1:9/cb": true, "http://[::1]/cb": true, "http://localhost/cb": true, "http://app.localhost:8080/cb": true,
		"http://LOCALHOST./": true, "http://app.test/cb": false, "http://localhost.example.com/": false, "http://127.0.0.1.example.com/": false,
		"http://10.0.0.1/": false, "http://notlocalhost/": false,
	} {
		if err := clients.CheckURI(uri, true); err != nil {
			t.Errorf("where http is allowed: %v", err)
		}
		if err := clients.CheckURI(uri, false); (err == nil) != local {
			t.Errorf("%s where https is needed: %v", uri, err)
		}
		if err := clients.CheckURI(strings.Replace(uri, "http:", "https:", 1), false); err != nil {
			t.Error(err)
		}
	}
	c := good()
	c.BackchannelLogoutURI, c.Audiences = "http://app.internal/out", []string{"http://api.internal"}
	if _, err := c.Prepare(false); len(clients.FaultsOf(err)) != 1 || !strings.Contains(clients.FaultsOf(err)["backchannel_logout_uri"], "https") {
		t.Errorf("%v", err)
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
			r, err := clients.NewRegistry(t.Context(), clients.Deps{Records: s, Declared: declared, PlainHTTP: true, Now: func() time.Time { return now }, Logger: log})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := open(good())
		if c, ok := r.Client(t.Context(), "app"); !ok || !c.AllowsRedirect("https://app.test/cb") || c.AllowsRedirect("https://app.test/cb/") {
			t.Errorf("%+v, %v", c, ok)
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
		if _, ok := r.Client(t.Context(), "nobody"); ok {
			t.Error("nobody is known without the database")
		}
		if _, err := clients.NewRegistry(t.Context(), clients.Deps{Records: s, Declared: []clients.Client{good(), good()}, Now: time.Now, Logger: log}); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("declared twice: %v", err)
		}
	})
}

func FuzzCheckURI(f *testing.F) {
	for _, s := range []string{"https://app.test/cb", "//x", "http://", "http://a@b/", "javascript:x", "http://a/#", "http://a/\x00", "http://[::1]:80/", "http://a;b/", "http://*/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if clients.CheckURI(uri, true) != nil {
			return
		}
		if !strings.HasPrefix(strings.ToLower(uri), "http") || strings.ContainsAny(uri, "#\r\n \x00") {
			t.Errorf("%q may be registered", uri)
		}
		c := clients.Client{RedirectURIs: []string{uri}}
		if o := c.Origins(); len(o) != 1 || strings.ContainsAny(o[0], " ;,*'\"") {
			t.Errorf("%q has the origins %q", uri, o)
		}
		if !c.AllowsRedirect(uri) || c.AllowsRedirect(uri+"/") || c.AllowsRedirect("x"+uri) {
			t.Errorf("%q does not match exactly", uri)
		}
	})
}

// counted counts how often all clients are read.
type counted struct {
	*store.Store
	read atomic.Int64
}

func (c *counted) Clients(ctx context.Context) ([]store.Client, error) {
	c.read.Add(1)
	return c.Store.Clients(ctx)
}

// A change that another replica made is found beside the requests; where nothing changed, the clients are not read
// again.
func TestRegistry_ReloadsInTheBackgroundOnAChange(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		records := &counted{Store: storetest.New(t, d)}
		open := func() *clients.Registry {
			r, err := clients.NewRegistry(t.Context(), clients.Deps{Records: records, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		here, elsewhere := open(), open()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- here.Run(ctx) }()
		defer func() { cancel(); <-done }()
		before := records.read.Load()
		if _, _, err := elsewhere.Create(t.Context(), clients.Client{
			ID: "newcomer", Name: "New", RedirectURIs: []string{"https://new.example/callback"}, AuthMethod: "none", GrantTypes: []string{"authorization_code"},
			Scopes: []string{"openid"},
		}, nil); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if _, ok := here.Client(t.Context(), "newcomer"); ok {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the new client is not known")
			}
		}
		after := records.read.Load()
		if after-before != 2 { // by the replica that made it, and by the other one
			t.Errorf("all clients were read %d times", after-before)
		}
		if err := here.Refresh(t.Context()); err != nil || records.read.Load() != after {
			t.Errorf("read again without a change: %v", err)
		}
	})
}

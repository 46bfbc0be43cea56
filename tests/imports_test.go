package tests_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// module is the first part of our own import paths.
var module = modulePath()

func modulePath() string {
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		panic(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimPrefix(first, "module ")
}

// mayImport says which of our packages a package may import, by the first rule whose pattern fits it. A pattern is a
// path below the module; a trailing /** means the package and all below it, * is any one folder. Itself and what is
// below its own pattern are always allowed ("same" in the patterns below: the folder that the first * stood for).
var mayImport = []struct {
	who  string
	what []string
	why  string
}{
	{"cmd/gatehouse", []string{"**"}, "main wires everything together"},
	{"tests/**", []string{"**"}, "tests may use everything"},
	{"assets/**", nil, "assets are files"},
	{"components/**", []string{"assets"}, "components take plain view structs"},
	{"db/**", []string{"db/**"}, "db knows no service"},
	{"fleet/balancer", []string{"fleet/**", "sso/cookies"}, "fleet knows no service"},
	{"fleet/**", []string{"fleet/**"}, "fleet knows no service"},
	{"web/**", []string{"web/**", "assets", "components", "sso/returnto", "sso/cookies", "sso/netaddr"}, "web is glue for whatever service there is"},
	{"events/**", []string{"db"}, "events are written in a transaction and carried by Redis"},
	{"sso/returnto", nil, "one rule about paths, shared by web and sso/rp"},
	{"sso/cookies", nil, "one rule about cookies, shared by sso, web, the portal, the apps and the balancer"},
	{"sso/loopback", nil, "names below localhost, for sso/rp and main"},
	{"sso/netaddr", nil, "one rule about addresses, shared by the limits of web, sso/rp and the portal"},
	{"sso/seal", nil, "one way to encrypt what others store"},
	{"sso/rp/**", []string{"sso/**"}, "sso works with any provider and in any app, so it knows nothing of the rest"},
	{"sso/**", []string{"sso/token", "sso/session", "sso/cookies", "sso/denylist", "sso/returnto", "sso/seal", "sso/luascript"}, "only apps mount sso/rp"},
	{"portal/store/**", []string{"portal/store/**", "db", "events"}, "records and SQL, nothing of the web"},
	{"portal/**", []string{"portal/**", "events/unread", "sso/trace", "sso/signoutpush", "sso/token", "sso/session", "sso/cookies", "sso/denylist", "sso/returnto", "sso/seal", "sso/netaddr", "web", "components", "assets", "db", "events"},
		"the portal and the apps meet over HTTP, through sso and through events"},
	{"apps/*/store/**", []string{"same/**", "db", "db/fulltext", "events"}, "records and SQL, nothing of the web"},
	{"apps", []string{"sso/rp/**", "sso/signoutpush", "sso/trace", "sso/denylist", "web", "components", "db", "events/unread"}, "what all apps have in common knows none of them"},
	{"apps/academy/lab", []string{"fleet"}, "a run is a process, and knows no experiment"},
	{"apps/academy/experiments/emails/store", []string{"db"}, "records and SQL, nothing of the web"},
	{"apps/academy/**", []string{"apps/academy/**", "apps", "fleet/**", "sso/**", "web", "components/**", "assets", "db", "events"},
		"experiments run what the estate runs"},
	{"apps/*/**", []string{"same/**", "apps", "sso/**", "web", "components/**", "assets", "db", "db/fulltext", "events", "events/unread"},
		"an app never imports another, nor the portal"},
}

// mayNotImport keeps other people's packages to the places that are there for them.
var mayNotImport = []struct {
	what   string   // an import path; a trailing /** means all below it too
	except []string // the only packages that may
	why    string
}{
	{"github.com/labstack/echo/v4/**", []string{
		"cmd/gatehouse", "web/**", "sso/rp/echorp", "portal", "portal/oidc", "portal/account", "portal/admin", "portal/revoke", "portal/backchannel", "apps", "apps/*",
		"apps/academy/bank/door", "tests/**",
	}, "only handlers know Echo"},
	{"github.com/jmoiron/sqlx", []string{"db/**", "events", "portal/store/**", "apps/*/store/**", "apps/academy/experiments/emails/store", "tests/**"},
		"SQL lives in the stores"},
	{"database/sql", []string{"db/**", "events", "portal/store/**", "apps/*/store/**", "apps/academy/experiments/emails/store", "tests/**"},
		"SQL lives in the stores"},
	{"github.com/jackc/pgx/**", []string{"db/**", "tests/**"}, "one place knows the drivers"},
	{"modernc.org/**", []string{"db/**"}, "one place knows the drivers"},
	{"github.com/redis/go-redis/**", append([]string{
		"sso/session", "sso/denylist", "sso/luascript", "sso/rp", "sso/trace", "fleet/**", "events", "events/unread", "portal/codes", "portal/ratelimit",
		"apps/academy/experiments/lookup", "tests/**",
	}, carriers...), "Redis commands have a few homes"},
	{"github.com/gorilla/sessions", []string{"sso/session"}, "one place knows how a session is kept"},
	{"github.com/golang-jwt/jwt/**", []string{"sso/token", "portal/tokens", "portal/keys", "portal/backchannel", "apps/academy/bank/card", "tests/**"},
		"one place makes tokens, one verifies them"},
	{"crypto/hkdf", []string{"sso/seal"}, "one place derives keys"},
	{"crypto/cipher", []string{"sso/seal", "tests/**"}, "one place encrypts"},
	{"github.com/alecthomas/kong", []string{"cmd/gatehouse"}, "one place reads flags and the environment"},
}

// carriers hold a Redis client in their Deps to pass it on; they send no commands (commands_test.go).
var carriers = []string{"cmd/gatehouse", "portal", "apps", "apps/*", "apps/academy/bank", "apps/academy/bank/door", "apps/academy/experiments/ban"}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath, Dir                    string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

// path is the package's folder below the module.
func (p pkg) path() string { return below(p.ImportPath) }

func TestImports_FollowTheDesign(t *testing.T) {
	for _, p := range packages(t) {
		who := p.path()
		for _, imported := range p.Imports {
			checkImport(t, who, imported)
		}
		for _, imported := range append(p.TestImports, p.XTestImports...) {
			// Tests of sso import nothing of the rest either; those that need servers are in tests/sso.
			if strings.HasPrefix(imported, module) && (!inTests(imported) || strings.HasPrefix(who, "sso/")) {
				checkImport(t, who, imported)
			}
		}
	}
}

func inTests(imported string) bool { return fits("tests/**", below(imported)) }

func checkImport(t *testing.T, who, imported string) {
	t.Helper()
	if imported == module+"/cmd/gatehouse" {
		t.Errorf("%s imports main", who)
		return
	}
	if strings.HasPrefix(imported, module+"/") {
		what := below(imported)
		if what == who || strings.HasPrefix(what, who+"/") {
			return
		}
		for _, rule := range mayImport {
			if !fits(rule.who, who) {
				continue
			}
			if !fitsAny(rule.what, strings.Replace(what, same(rule.who, who), "same", 1)) {
				t.Errorf("%s imports %s: %s", who, what, rule.why)
			}
			return
		}
		t.Errorf("%s is in no import rule: add one to DESIGN and here", who)
		return
	}
	for _, rule := range mayNotImport {
		if fits(rule.what, imported) && !fitsAny(rule.except, who) {
			t.Errorf("%s imports %s: %s", who, imported, rule.why)
		}
	}
}

// TestImportRules_SeeWhatTheyShould shows that the table above says no where it should.
func TestImportRules_SeeWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		who, what string
		ok        bool
	}{
		{"apps/shop", "apps/shop/store", true},
		{"apps/shop/cart", "apps/shop/store", true},
		{"apps/shop", "apps/forum/store", false},
		{"apps/shop", "portal/store", false},
		{"portal/oidc", "apps/shop", false},
		{"portal/oidc", "sso/rp", false},
		{"sso/rp", "portal/clients", false},
		{"sso/session", "sso/rp", false},
		{"components", "web", false},
		{"web", "db", false},
		{"fleet/balancer", "web", false},
		{"events", "db", true},
		{"db", "events", false},
		{"cmd/gatehouse", "portal", true},
	} {
		if got := allowed(c.who, c.what); got != c.ok {
			t.Errorf("%s may import %s: %v; want %v", c.who, c.what, got, c.ok)
		}
	}
}

func allowed(who, what string) bool {
	for _, rule := range mayImport {
		if fits(rule.who, who) {
			return fitsAny(rule.what, strings.Replace(what, same(rule.who, who), "same", 1))
		}
	}
	return false
}

// packages lists ours, without what npm brings along.
func packages(t *testing.T) []pkg {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", module+"/...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	noticeChanges(t)
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.ImportPath, "/node_modules/") {
			all = append(all, p)
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

// noticeChanges looks at every Go file, so that go test does not repeat an old answer when one has changed: it knows
// what the test itself reads, not what go list does.
func noticeChanges(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "data"):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go") || name == "go.mod":
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// below returns the path of a package of this module, relative to the module.
func below(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

// same is the folder of who that a rule "apps/*/…" is about, or a text that no path contains.
func same(pattern, who string) string {
	star := strings.Index(pattern, "/*/")
	if star < 0 {
		return "\x00"
	}
	parts := strings.Split(who, "/")
	return strings.Join(parts[:strings.Count(pattern[:star+2], "/")+1], "/")
}

func fitsAny(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if fits(pattern, name) {
			return true
		}
	}
	return false
}

// fits reports whether name is pattern, or below it where pattern ends with /**.
func fits(pattern, name string) bool {
	if pattern == "**" {
		return true
	}
	prefix, deep := strings.CutSuffix(pattern, "/**")
	parts, want := strings.Split(name, "/"), strings.Split(prefix, "/")
	if len(parts) < len(want) || !deep && len(parts) > len(want) {
		return false
	}
	ok, err := path.Match(prefix, strings.Join(parts[:len(want)], "/"))
	return ok && err == nil
}

//go:build unix

package hostile_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const sameEverywhere = "the portal's row is for every app"

// noPages lists the GET routes that answer no page of their own: the rest must be in tests/e2e/pages.js.
var noPages = map[string]string{
	"shop /go": sameEverywhere, "forum /go": sameEverywhere, "analytics /go": sameEverywhere, "academy /go": sameEverywhere,
	"/.well-known/openid-configuration": "JSON", "/oauth/jwks": "JSON", "/oauth/userinfo": "JSON",
	"/healthz": "JSON", "/readyz": "JSON", "/assets/*": "files", "/favicon.ico": "a file", "/robots.txt": "a file",
	"/checkout": "redirects", "/auth/sign-in": "redirects", "/auth/callback": "redirects", "/auth/signed-out": "redirects", "/auth/live": "a stream", "/auth/state": "JSON",
	"/admin/audit.csv": "CSV", "/export/:file": "CSV", "/runs/:run/timeline.json": "JSON", "/runs/:run/timeline.csv": "CSV",
	"/pictures/:file": "files", "/images/:image": "files", "/runs/:run/live": "a fragment", "/estate/live": "a fragment",
}

// redirects matches the GET routes of forms, which lead back to their page.
var redirects = regexp.MustCompile(`^/(theme|views|lessons/:lesson/(answers/:question|done|discuss)|experiments/:experiment/runs|` +
	`estate/(kill|add|remove|policy)|runs/:run/(do|step|end|again)|rooms/:room/(close|leave)|new/preview|t/:thread/(reply|preview|follow)|inbox/read|` +
	`posts/:post(/edit/preview|/vote|/moderate|/undelete|/accept)?|api/.*|admin/clients/:client/enable)$`)

var (
	pageRow   = regexp.MustCompile(`\[\s*(?:guest|long|alice|bob|carol|admin),\s*"(\w+)",`)
	pagePlace = regexp.MustCompile("[\"`](/[^\"` ?]*)")
	routePart = regexp.MustCompile(`:\w+`)
)

// TestPages_AreInTheBrowserTable holds the table of the browser tests against the routes: each page of each app is in
// it.
func TestPages_AreInTheBrowserTable(t *testing.T) {
	table, err := os.ReadFile("../e2e/pages.js")
	if err != nil {
		t.Fatal(err)
	}
	places := map[string][]string{}
	rows := pageRow.FindAllSubmatchIndex(table, -1)
	for i, row := range rows {
		end := len(table)
		if i+1 < len(rows) {
			end = rows[i+1][0]
		}
		app := string(table[row[2]:row[3]])
		if m := pagePlace.FindSubmatch(table[row[1]:end]); m != nil {
			places[app] = append(places[app], string(m[1]))
		}
	}
	for app, routes := range tables(t) {
		for _, r := range routes {
			method, path, _ := strings.Cut(r, " ")
			if method != http.MethodGet || noPages[path]+noPages[app+" "+path] != "" || redirects.MatchString(path) {
				continue
			}
			pattern := regexp.MustCompile("^" + routePart.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
			if !slices.ContainsFunc(places[app], pattern.MatchString) {
				t.Errorf("%s: add a row for %s to tests/e2e/pages.js, or say in noPages that it is no page", app, path)
			}
		}
	}
}

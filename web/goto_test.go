package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/web"
)

func TestGoTo_ListsWhatTheUserMayOpen(t *testing.T) {
	estate, err := web.ParseEstate("http://house.test",
		web.App{Key: "portal", Name: "Portal", Pages: []web.Page{
			{Label: "Sign in", Path: "/sign-in", Guest: true},
			{Label: "Your profile", Path: "/profile", Words: "password", SignedIn: true},
			{Label: "Console", Path: "/admin", Roles: []string{"admin"}},
			{SearchFor: "people", Path: "/admin/people?q=", Roles: []string{"admin"}},
		}},
		web.App{Key: "shop", Name: "Shop", Pages: []web.Page{{Label: "Cart", Path: "/cart"}, {SearchFor: "products", Path: "/?q="}}},
		web.App{Key: "analytics", Name: "Analytics", Roles: []string{"admin"}, Pages: []web.Page{{Label: "Dashboard", Path: "/"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	site, err := web.New(web.Options{
		Service: "shop", Replica: "shop-1", Estate: estate, Logger: slog.New(slog.DiscardHandler),
		Person: func(c echo.Context) *components.Person {
			if role := c.Request().Header.Get("X-Test-Role"); role != "" {
				return &components.Person{Name: "Ann", Roles: []string{role}}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const portal, shop, analytics = `"http://portal.house.test`, `"http://shop.house.test`, `"http://analytics.house.test`
	for _, c := range []struct {
		role, query string
		there       []string
		absent      []string
	}{
		{"", "", []string{portal + `/sign-in"`, shop + `/cart"`}, []string{"/profile", "/admin", analytics, "Search"}},
		{"customer", "", []string{portal + `/profile"`, shop + `/cart"`}, []string{`portal.house.test/sign-in`, "/admin", analytics}},
		{"admin", "", []string{portal + `/admin"`, analytics + `/"`}, []string{"Search"}},
		{"customer", "PASSword", []string{portal + `/profile"`, shop + `/?q=PASSword"`, "Search products for “PASSword”"}, []string{"/cart", "/admin"}},
		{"admin", "a&b=<i>", []string{portal + `/admin/people?q=a%26b%3D%3Ci%3E"`, "&lt;i&gt;"}, []string{"<i>", "/profile"}},
		{"customer", "shop cart", []string{shop + `/cart"`}, []string{"/profile"}},
	} {
		req := httptest.NewRequest(http.MethodGet, "/go", nil)
		req.URL.RawQuery = "q=" + url.QueryEscape(c.query)
		req.Header.Set("X-Test-Role", c.role)
		req.Header.Set("HX-Request", "true") // the list alone, without the header's links
		got := httptest.NewRecorder()
		site.ServeHTTP(got, req)
		body := got.Body.String()
		for _, want := range c.there {
			if !strings.Contains(body, want) {
				t.Errorf("%q, %q: no %s in %s", c.role, c.query, want, body)
			}
		}
		for _, never := range c.absent {
			if strings.Contains(body, never) {
				t.Errorf("%q, %q: %s is there", c.role, c.query, never)
			}
		}
	}
	for query, want := range map[string]int{strings.Repeat("x", 100): 200, strings.Repeat("x", 101): 422, "\x00": 400} {
		got := httptest.NewRecorder()
		site.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/go?q="+url.QueryEscape(query), nil))
		if got.Code != want {
			t.Errorf("%.10q: %d instead of %d", query, got.Code, want)
		}
	}
}

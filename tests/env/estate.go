package env

import (
	"testing"

	"gatehouse.example/web"
)

// Estate returns an estate at base with the services that Gatehouse has.
func Estate(t testing.TB, base string) web.Estate {
	t.Helper()
	e, err := web.ParseEstate(base,
		web.App{Key: "portal", Name: "Portal"}, web.App{Key: "shop", Name: "Shop"}, web.App{Key: "forum", Name: "Forum", Inbox: "/inbox"},
		web.App{Key: "analytics", Name: "Analytics", Roles: []string{"analyst", "admin"}}, web.App{Key: "academy", Name: "Academy"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

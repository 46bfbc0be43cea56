//go:build unix

package endings_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

// admin is the console, as an administrator uses it.
type admin struct {
	*browser
	records *store.Store
}

func (h *house) admin() *admin {
	h.t.Helper()
	a := &admin{browser: h.browser()}
	if r := a.signIn("admin"); r.status != http.StatusSeeOther {
		h.t.Fatalf("the administrator can't sign in: %s", r)
	}
	var err error
	if a.records, err = store.New(h.db); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// outcome is what the console said of an act, and what its receipt says.
type outcome struct {
	result
	ending    string // names the receipt
	receipt   denylist.Confirmations
	confirmed bool
}

// ban bans by the console, at whichever portal replica the balancer chooses.
func (a *admin) ban(name string) outcome {
	a.house.t.Helper()
	return a.banAt(a.at(a.house.banks[0], false), name)
}

func (a *admin) banAt(c *http.Client, name string) outcome {
	a.house.t.Helper()
	o := outcome{result: post(a.house.t, c, a.house.portalURL("/admin/people/demo-"+name+"/ban"),
		url.Values{"reason": {"For the test."}, "until": {"never"}})}
	ending := strings.TrimPrefix(o.header.Get("Location"), "/admin/receipts/")
	if o.status != http.StatusSeeOther || ending == o.header.Get("Location") {
		return o
	}
	o.ending = ending
	o.receipt, o.confirmed = a.receipt(ending)
	return o
}

func (a *admin) mustBan(name string) outcome {
	a.house.t.Helper()
	o := a.ban(name)
	if o.status != http.StatusSeeOther || !strings.HasPrefix(o.header.Get("Location"), "/admin/receipts/") {
		a.house.t.Fatalf("the ban: %s (to %s)", o, o.header.Get("Location"))
	}
	return o
}

// receipt is what the database keeps.
func (a *admin) receipt(ending string) (denylist.Confirmations, bool) {
	a.house.t.Helper()
	row, err := a.records.Receipt(a.house.t.Context(), ending)
	if err != nil {
		a.house.t.Fatal(err)
	}
	var done revoke.Receipt
	if err := json.Unmarshal([]byte(row.Text), &done); err != nil {
		a.house.t.Fatal(err)
	}
	return done.Denylist, done.Confirmed
}

func (a *admin) unban(name string) result {
	a.house.t.Helper()
	return post(a.house.t, a.at(a.house.banks[0], false), a.house.portalURL("/admin/people/demo-"+name+"/unban"), nil)
}

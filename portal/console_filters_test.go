package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/store"
)

func TestConsole_SavedFilters(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		save := func(list, name, query string) answer {
			return h.post(admin, "/admin/filters", url.Values{"list": {list}, "name": {name}, "query": {query}})
		}
		for list, c := range map[string]struct{ query, clean string }{
			"people":   {"state=banned&q=ali&after=x&evil=1", "q=ali&state=banned"},
			"sign-ins": {"app=shop&before=9~a", "app=shop"},
			"audit":    {"kind=user&older=5&from=2026-13-01", "kind=user"},
		} {
			a := save(list, "Mine, <b>", c.query)
			if a.status != http.StatusSeeOther || a.to.RequestURI() != "/admin/"+list+"?"+c.clean {
				t.Fatalf("%s: %d to %v", list, a.status, a.to)
			}
			link := `href="/admin/` + list + "?" + strings.ReplaceAll(c.clean, "&", "&amp;") + `"`
			h.follow(admin, a).must(t, http.StatusOK, "was saved", link+` aria-current="true">`, "Mine, &lt;b&gt;")
			h.get(admin, "/admin/"+list).must(t, http.StatusOK, link, "Manage saved filters")
			for _, bad := range []struct{ name, query, want string }{
				{"", c.query, "Enter a name"}, {strings.Repeat("x", 41), c.query, "at most 40 characters"}, {"empty", "%zz", "Choose a filter first"},
			} {
				save(list, bad.name, bad.query).must(t, http.StatusUnprocessableEntity, bad.want, `value="`+bad.name+`"`)
			}
		}
		save("nothing", "x", "q=a").must(t, http.StatusUnprocessableEntity)

		for i := range 19 {
			save("people", fmt.Sprint("filter ", i), "q=bob").must(t, http.StatusSeeOther)
		}
		save("people", "one more", "q=bob").must(t, http.StatusUnprocessableEntity, "You have 20 saved filters")
		save("people", "filter 3", "q=carol").must(t, http.StatusSeeOther) // replaces

		a := h.post(admin, "/admin/filters/delete", url.Values{"list": {"people"}, "name": {"filter 3"}, "query": {"role=admin"}})
		undo := h.follow(admin, a).must(t, http.StatusOK, "The filter “filter 3” was deleted.", `value="q=carol"`)
		if strings.Contains(undo.body, `href="/admin/people?q=carol"`) {
			t.Error("the deleted filter is listed")
		}
		save("people", "filter 3", "q=carol").must(t, http.StatusSeeOther)

		for who, status := range map[*http.Client]int{h.browser(): http.StatusSeeOther, h.asAlice(): http.StatusForbidden} {
			if a := h.post(who, "/admin/filters", url.Values{"list": {"people"}, "name": {"x"}, "query": {"q=a"}}); a.status != status {
				t.Errorf("%d instead of %d", a.status, status)
			}
		}
	})
}

// A ban that was lifted by mistake applies again with its reason and its end, for ten minutes.
func TestConsole_LiftingABanCanBeUndone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		user := func() store.User {
			u, err := h.records().UserByID(t.Context(), "demo-alice")
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		h.post(admin, alice+"/ban", banned("spam, again", "week")).must(t, http.StatusSeeOther)
		until := user().BannedUntil.Truncate(time.Second)
		h.follow(admin, h.post(admin, alice+"/unban", nil)).must(t, http.StatusOK, alice+"/unban/undo")
		h.follow(admin, h.post(admin, alice+"/unban/undo", nil)).must(t, http.StatusOK, "spam, again")
		if u := user(); u.BanReason != "spam, again" || !u.BannedUntil.Equal(until) {
			t.Errorf("banned for %q until %s instead of %s", u.BanReason, u.BannedUntil, until)
		}
		h.follow(admin, h.post(admin, alice+"/unban/undo", nil)).must(t, http.StatusOK, "no longer be undone") // twice
		h.post(admin, alice+"/unban", nil).must(t, http.StatusSeeOther)
		h.clock.advance(11 * time.Minute)
		if a := h.get(admin, alice); strings.Contains(a.body, "unban/undo") {
			t.Error("offered after eleven minutes")
		}
	})
}

package portal_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

// endings do what the rows of the table in docs/sign-out.md name.
var endings = map[string]func(w *walk){
	"Sign-out": func(w *walk) { w.leads(w.h.post(w.here.browser, "/sign-out", nil), "/signed-out") },
	"Sign-out that an app asks for": func(w *walk) {
		w.leads(w.h.get(w.here.browser, "/oauth/logout?id_token_hint="+w.here.grants[0].id), "/signed-out")
	},
	"End this session, from another device": func(w *walk) {
		w.leads(w.h.post(w.other.browser, "/sessions/"+w.here.sid+"/end", nil), "/sessions")
	},
	"Sign-out everywhere": func(w *walk) { w.leads(w.h.post(w.here.browser, "/sign-out/everywhere", nil), "/signed-out") },
	"Another person's sign-in in the same browser": func(w *walk) {
		w.signInAgain(w.h.person("another-" + w.email))
	},
	"Change of the password": func(w *walk) {
		w.password = "five quiet grey herons"
		w.leads(w.h.post(w.here.browser, "/profile/password", url.Values{"current_password": {demoPassword}, "new_password": {w.password}}), "/profile")
	},
	"Change of roles": func(w *walk) {
		w.receipt(w.h.post(w.admin, "/admin/people/"+w.here.sub+"/roles", url.Values{"role": {"moderator"}, "had": {"customer"}}))
	},
	"Ban": func(w *walk) { w.ban() },
	"Unban": func(w *walk) {
		w.ban()
		if a := w.h.post(w.admin, "/admin/people/"+w.here.sub+"/unban", nil); a.status != http.StatusSeeOther {
			w.t.Fatalf("unban: %d %s", a.status, a.body)
		}
	},
	"Deletion of the account": func(w *walk) {
		w.leads(w.h.post(w.here.browser, "/profile/delete", url.Values{"password": {demoPassword}, "sure": {"yes"}}), "/")
	},
	"A refresh token is used again, late": func(w *walk) {
		w.h.clock.advance(11 * time.Second)
		if w.h.refresh(w.here.grants[0].used) {
			w.t.Error("the stolen token got another one")
		}
	},
	"An authorization code is used again": func(w *walk) {
		if a := w.h.token(exchange(w.here.grants[0].code)); a.status != http.StatusBadRequest {
			w.t.Errorf("the code was accepted: %d", a.status)
		}
	},
	"Revocation of an access token": func(w *walk) { w.revoke(w.here.grants[0].access[0]) },
	"Revocation of a refresh token": func(w *walk) { w.revoke(w.here.grants[0].refresh) },
	"An administrator ends the sign-in": func(w *walk) {
		w.receipt(w.h.post(w.admin, "/admin/people/"+w.here.sub+"/sign-ins/"+w.here.sid+"/end", nil))
	},
	"An administrator ends all sign-ins": func(w *walk) { w.receipt(w.h.post(w.admin, "/admin/people/"+w.here.sub+"/end", nil)) },
	"A client is disabled": func(w *walk) {
		if a := w.h.post(w.admin, "/admin/clients/one/disable", nil); a.status != http.StatusSeeOther {
			w.t.Fatalf("disable: %d %s", a.status, a.body)
		}
		w.after = func() {
			if a := w.h.post(w.admin, "/admin/clients/one/enable", nil); a.status != http.StatusSeeOther {
				w.t.Fatalf("enable: %d %s", a.status, a.body)
			}
			for _, g := range w.here.grants {
				if !w.h.refresh(g.refresh) {
					w.t.Error("a refresh token did not outlast its client's pause")
				}
			}
		}
	},
}

// TestEndings_AsTheTableSays reads the table of docs/sign-out.md, and does and checks what each of its rows says.
func TestEndings_AsTheTableSays(t *testing.T) {
	rows := tableOf(t, "../docs/sign-out.md", "| What happens |")
	if len(rows) != len(endings) {
		t.Errorf("the table has %d rows, and %d can be tried", len(rows), len(endings))
	}
	each(t, func(t *testing.T, h *house) {
		shop := env.Denied(t, h.rdb, "shop")
		admin := h.asAdmin()
		innocent := h.enter(h.person("innocent@example.com"), shop)
		for i, row := range rows {
			act := endings[row[0]]
			if act == nil {
				t.Errorf("nobody knows how to try %q", row[0])
				continue
			}
			t.Run(row[0], func(t *testing.T) {
				h := *h
				h.t = t
				email := h.person("person" + string(rune('a'+i)) + "@example.com")
				w := &walk{t: t, h: &h, email: email, password: demoPassword, admin: admin, here: h.enter(email, shop), other: h.enter(email, shop)}
				act(w)
				w.check(row[1:])
				if !innocent.portal(&h) || !innocent.app() || !innocent.token(&h, innocent.grants[0].access[0]) {
					t.Error("another person was signed out")
				}
				if w.after != nil {
					w.after()
				}
			})
		}
		for _, g := range innocent.grants {
			if !h.refresh(g.refresh) {
				t.Error("another person's refresh token ended")
			}
		}
	})
}

// walk is one row of the table: a person with two sign-ins.
type walk struct {
	t               *testing.T
	h               *house
	email, password string
	admin           *http.Client
	here, other     *entered
	after           func()
}

// signInAgain signs in by a form left open in the browser, and looks on with its cookie of before.
func (w *walk) signInAgain(email string) {
	again := *w.here
	again.browser = w.h.withCookies(w.here.browser)
	w.h.signIn(w.here.browser, "/", "email", email)
	w.here = &again
}

// check compares what lives with the cells of a row.
func (w *walk) check(cells []string) {
	w.t.Helper()
	h := w.h
	w.is("the portal's session", cells[0], w.here.portal(h))
	w.is("the apps' sessions", cells[1], w.here.app())
	first, second := w.here.grants[0], w.here.grants[1]
	w.is("the access token", strings.TrimPrefix(cells[2], "that one "), w.here.token(h, first.access[0]))
	w.is("another access token of the grant", unless(cells[2], "that one ends"), w.here.token(h, first.access[1]))
	w.is("another grant's access token", unless(unless(cells[2], "that one ends"), "that grant's end"), w.here.token(h, second.access[0]))
	w.is("the refresh token", cells[3], h.refresh(first.refresh))
	w.is("another grant's refresh token", unless(cells[3], "that grant's end"), h.refresh(second.refresh))

	w.is("the other sign-in in the portal", cells[4], w.other.portal(h))
	w.is("the other sign-in in the apps", cells[4], w.other.app())
	w.is("the other sign-in's access token", cells[4], w.other.token(h, w.other.grants[0].access[0]))
	if cells[3] != "are refused" {
		w.is("the other sign-in's refresh token", cells[4], h.refresh(w.other.grants[0].refresh))
	}

	again := h.browser()
	a := h.post(again, "/sign-in", url.Values{"email": {w.email}, "password": {w.password}, "return_to": {"/"}})
	want := map[string]int{
		"at once": http.StatusSeeOther, "with the new password": http.StatusSeeOther,
		"when it runs out or is lifted": http.StatusForbidden, "never": http.StatusUnprocessableEntity,
	}[cells[5]]
	if a.status != want {
		w.t.Errorf("signing in again %s: answered %d, want %d", cells[5], a.status, want)
	}
	if want == http.StatusSeeOther && cells[3] != "are refused" && !h.enterWith(again, w.here.denied).alive(h) {
		w.t.Error("who signed in again is let in nowhere")
	}
}

// unless is what a cell says of what it does not name.
func unless(cell, named string) string {
	if cell == named {
		return "stay"
	}
	return cell
}

// is compares a cell with what is: "ends", "stay ended" and the like with what lives no more.
func (w *walk) is(what, cell string, alive bool) {
	w.t.Helper()
	switch cell {
	case "stay", "stays":
		if !alive {
			w.t.Errorf("%s ended", what)
		}
	case "end", "ends", "stay ended", "stays ended", "that grant's end", "are refused":
		if alive {
			w.t.Errorf("%s lives", what)
		}
	default:
		w.t.Errorf("%s: what is %q?", what, cell)
	}
}

// leads checks where an answer leads.
func (w *walk) leads(a answer, path string) {
	w.t.Helper()
	if a.status != http.StatusSeeOther || a.to.Path != path {
		w.t.Fatalf("answered %d to %v: %s", a.status, a.to, a.body)
	}
}

// receipt checks that an administrator is shown what became of it, and that all servers have confirmed.
func (w *walk) receipt(a answer) {
	w.t.Helper()
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.to.Path, "/admin/receipts/") {
		w.t.Fatalf("answered %d to %v: %s", a.status, a.to, a.body)
	}
	if shown := w.h.get(w.admin, a.to.Path); shown.status != http.StatusOK || !strings.Contains(shown.body, "shop-1") {
		w.t.Errorf("the receipt: %d %s", shown.status, shown.body)
	}
}

func (w *walk) ban() {
	w.t.Helper()
	w.receipt(w.h.post(w.admin, "/admin/people/"+w.here.sub+"/ban", url.Values{"reason": {"spam"}, "until": {"day"}}))
}

// revoke is RFC 7009, asked for by client one.
func (w *walk) revoke(token string) {
	w.t.Helper()
	a := w.h.post(w.h.browser(), "/oauth/revoke", url.Values{"token": {token}}, "Authorization", basic("one", secretOne))
	if a.status != http.StatusOK {
		w.t.Fatalf("revocation answered %d: %s", a.status, a.body)
	}
}

// tableOf are the cells of the table in a document whose head begins so.
func tableOf(t *testing.T, file, head string) (rows [][]string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), head)
	if !ok {
		t.Fatalf("%s has no table %q", file, head)
	}
	for i, line := range strings.Split(rest, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		if len(cells) != 7 {
			t.Fatalf("row %d of %s has %d cells", i+1, file, len(cells))
		}
		rows = append(rows, cells)
	}
	return rows
}

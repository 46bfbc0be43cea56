package academy_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy"
	"gatehouse.example/db"
	"gatehouse.example/fleet/control"
	"gatehouse.example/tests/env"
)

// lever is an estate with a Shop of two replicas and one Academy.
type lever struct {
	view control.View
	did  []string
	by   []control.By
	err  error // of the next change
	away bool
}

func newLever() *lever {
	at := opening.Add(-time.Minute)
	r := func(name string, pid int) control.Replica {
		return control.Replica{Name: name, State: "ready", Since: at, PID: pid, Healthy: true, Answered: 12}
	}
	return &lever{view: control.View{Max: 64, Services: []control.Service{
		{Name: "shop", Policy: control.RoundRobin, Next: "shop-3", Replicas: []control.Replica{r("shop-1", 101), r("shop-2", 102)}, Repeated: 1234, Failed: 0},
		{Name: "academy", Policy: control.Sticky, Replicas: []control.Replica{r("academy-1", 201)}},
	}}}
}

func (l *lever) View(context.Context) (control.View, error) {
	if l.away {
		return control.View{}, control.ErrUnavailable
	}
	return l.view, nil
}

func (l *lever) change(by control.By, what ...string) error {
	if l.away {
		return control.ErrUnavailable
	}
	if l.err != nil {
		return l.err
	}
	l.did, l.by = append(l.did, strings.Join(what, " ")), append(l.by, by)
	return nil
}

func (l *lever) Kill(_ context.Context, by control.By, replica string, pid int) error {
	return l.change(by, "kill", replica, strconv.Itoa(pid))
}
func (l *lever) Add(_ context.Context, by control.By, replica string) error {
	return l.change(by, "add", replica)
}
func (l *lever) Remove(_ context.Context, by control.By, replica string) error {
	return l.change(by, "remove", replica)
}
func (l *lever) SetPolicy(_ context.Context, by control.By, service, policy string) error {
	return l.change(by, "policy", service, policy)
}

func (l *lever) log(kind, subject string) {
	l.view.Log = slices.Insert(l.view.Log, 0, control.Entry{At: opening, Kind: kind, Subject: subject, Who: strings.ToUpper(subject), What: "<" + kind + ">"})
}

// levered runs the test with an Academy that has a lever, on either database.
func levered(t *testing.T, test func(t *testing.T, h *house, l *lever)) {
	t.Helper()
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		l := newLever()
		test(t, newHouse(t, d, func(deps *academy.Deps) { deps.Control = l }), l)
	})
}

func TestEstate_IsForAdmins(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		// A guest is sent to the portal, which this test has none of.
		h.guest().get("/estate").want(t, http.StatusServiceUnavailable).without(t, "shop-1")
		alice := h.person("alice", "customer")
		alice.get("/estate").want(t, http.StatusForbidden, "You need the role admin")
		for path, fields := range map[string][]string{
			"/estate/kill": {"replica", "shop-1", "pid", "101", "confirmed", "yes"}, "/estate/add": {"replica", "shop-3", "confirmed", "yes"},
			"/estate/remove": {"replica", "shop-1", "confirmed", "yes"}, "/estate/policy": {"service", "shop", "policy", "sticky"},
		} {
			alice.post(path, fields...).want(t, http.StatusForbidden)
		}
		if len(l.did) != 0 {
			t.Errorf("a customer did %v", l.did)
		}
	})
}

func TestEstate_ShowsEveryReplica(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		l.view.Services[0].Replicas[1].State, l.view.Services[0].Replicas[1].PID = "waiting", 0
		l.log(control.Killed, "admin")
		p := h.person("admin", "admin").get("/estate").want(t, http.StatusOK, `id="replica-shop-1"`, `data-pid="101"`, `data-state="down"`,
			"Add shop-3", "Kill shop-1", "1,234", "ADMIN: ", "&lt;killed&gt;", `href="http://shop.house.test"`, "academy-1")
		p.without(t, `aria-label="Kill shop-2"`, `aria-label="Remove academy-1"`, `<killed>`)
	})
}

func TestEstate_CarriesOutWhatAnAdminAsksFor(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		for _, path := range [][]string{
			{"/estate/kill", "replica", "shop-1", "pid", "101", "confirmed", "yes"}, {"/estate/add", "replica", "shop-3", "confirmed", "yes"},
			{"/estate/remove", "replica", "shop-2", "confirmed", "yes"}, {"/estate/policy", "service", "shop", "policy", "least-busy"},
		} {
			if p := admin.post(path[0], path[1:]...).want(t, http.StatusSeeOther); p.location != "/estate" {
				t.Errorf("%s leads to %s", path[0], p.location)
			}
		}
		admin.get("/estate").want(t, http.StatusOK, "Shop now uses “least busy” load balancing.")
		if want := []string{"kill shop-1 101", "add shop-3", "remove shop-2", "policy shop least-busy"}; !slices.Equal(l.did, want) {
			t.Errorf("did %v", l.did)
		}
		for _, by := range l.by {
			if by != (control.By{Subject: "admin", Person: "Admin", Replica: "academy-1"}) {
				t.Errorf("by %+v", by)
			}
		}
		for _, path := range []string{"kill", "add", "remove", "policy"} {
			if p := admin.get("/estate/" + path); p.status != http.StatusSeeOther || p.location != "/estate" {
				t.Errorf("a link to %s: %d %s", path, p.status, p.location)
			}
		}
	})
}

func TestEstate_AsksBeforeItChangesReplicas(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		admin.get("/estate").want(t, http.StatusOK, `data-confirm="Kill shop-1?`, `data-confirm="Remove shop-2?`, `data-confirm="Add shop-3?`)
		for path, button := range map[string]string{"/estate/kill": "Kill <shop-1>", "/estate/add": "Add <shop-1>", "/estate/remove": "Remove <shop-1>"} {
			for _, answer := range []string{"", "no", "YES"} {
				admin.post(path, "replica", "<shop-1>", "pid", "101", "confirmed", answer).want(t, http.StatusOK,
					strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(button)+"? ", `action="`+path+`"`, `name="pid" value="101"`, `name="confirmed" value="yes"`).without(t, "<shop-1>")
			}
		}
		if len(l.did) != 0 {
			t.Errorf("without an answer the estate did %v", l.did)
		}
	})
}

// The portal, which asks for the password then, is not there in this test; sso/rp tests the way there and back.
func TestEstate_TakesARecentSignIn(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		change := func(want int) {
			t.Helper()
			for path, fields := range map[string][]string{
				"/estate/kill": {"replica", "shop-1", "pid", "101", "confirmed", "yes"}, "/estate/add": {"replica", "shop-3", "confirmed", "yes"},
				"/estate/remove": {"replica", "shop-2", "confirmed", "yes"}, "/estate/policy": {"service", "shop", "policy", "sticky"},
			} {
				admin.post(path, fields...).want(t, want)
			}
		}
		h.pass(15 * time.Minute)
		change(http.StatusSeeOther)
		h.pass(time.Second)
		change(http.StatusServiceUnavailable)
		if len(l.did) != 4 {
			t.Errorf("an old sign-in did %v", l.did[4:])
		}
		admin.get("/estate").want(t, http.StatusOK, "Kill shop-1") // looking takes none
	})
}

func TestEstate_SaysWhyNot(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		l.err = control.Refusal("Process 101 of <shop-1> has already ended.")
		admin.post("/estate/kill", "replica", "shop-1", "pid", "101", "confirmed", "yes").want(t, http.StatusConflict, "<html", "No change made", "&lt;shop-1&gt; has already ended")
		p := admin.do(http.MethodPost, "/estate/kill", "application/x-www-form-urlencoded", "replica=shop-1&pid=101&confirmed=yes", "HX-Request", "true")
		p.want(t, http.StatusConflict, "has already ended").without(t, "<html")
		for _, pid := range []string{"", "x", "-1", "99999999999999999999"} {
			l.err = nil
			admin.post("/estate/kill", "replica", "shop-1", "pid", pid, "confirmed", "yes")
			if did := l.did[len(l.did)-1]; did != "kill shop-1 0" {
				t.Errorf("pid %q: %s", pid, did)
			}
		}
	})
}

func TestEstate_WhenTheSupervisorDoesNotAnswer(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		l.away = true
		if p := admin.get("/estate").want(t, http.StatusServiceUnavailable, "t responding"); p.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		admin.post("/estate/add", "replica", "shop-3", "confirmed", "yes").want(t, http.StatusServiceUnavailable, "nothing was changed")
		admin.get("/estate/live", "HX-Request", "true").want(t, http.StatusOK, "t responding")
		l.away = false
		admin.get("/estate").want(t, http.StatusOK, `id="replica-shop-1"`)
	})
}

func TestEstate_WithoutUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.person("admin", "admin")
		admin.get("/estate").want(t, http.StatusOK, "gatehouse up").without(t, `id="replica-`, "hx-get=\"/estate")
		admin.post("/estate/kill", "replica", "shop-1", "pid", "1").want(t, http.StatusOK, "gatehouse up")
	})
}

var have = regexp.MustCompile(`id="estate-have" name="have" value="([a-z0-9]+)"`)

func TestEstate_LiveSendsOnlyWhatIsNew(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		sum := have.FindStringSubmatch(admin.get("/estate").body)
		if sum == nil {
			t.Fatal("the page does not know what it shows")
		}
		ask := func() page { return admin.get("/estate/live?have="+sum[1], "HX-Request", "true") }
		ask().want(t, http.StatusNoContent)
		l.view.Services[1].Replicas[0].Answered++ // by that very question
		ask().want(t, http.StatusNoContent)
		l.view.Services[0].Replicas[0].Answered++
		ask().want(t, http.StatusOK, `id="replica-shop-1"`).without(t, "<html")
		if p := admin.get("/estate/live"); p.status != http.StatusSeeOther {
			t.Errorf("without htmx: %d", p.status)
		}
	})
}

// A step is done when its own person did it; at the end of the path the experiment is.
func TestEstate_PathIsWhatThePersonDid(t *testing.T) {
	levered(t, func(t *testing.T, h *house, l *lever) {
		admin := h.person("admin", "admin")
		steps := func() string {
			var done []string
			for _, m := range regexp.MustCompile(`data-step="(\w+)" data-step-state="done"`).FindAllStringSubmatch(admin.get("/estate").body, -1) {
				done = append(done, m[1])
			}
			return strings.Join(done, " ")
		}
		for _, tc := range []struct{ kind, by, want string }{
			{control.Ready, "", ""}, {control.Killed, "somebody else", ""}, {control.Killed, "admin", "kill"}, {control.Ready, "", "kill look"},
			{control.Added, "admin", "kill look add"}, {control.Removed, "admin", "kill look add"},
		} {
			l.log(tc.kind, tc.by)
			if got := steps(); got != tc.want {
				t.Errorf("after %s by %q: %q, want %q", tc.kind, tc.by, got, tc.want)
			}
		}
		admin.get("/experiments").want(t, http.StatusOK, "The whole estate").without(t, "Done")
		l.log(control.Balanced, "admin")
		if got := steps(); got != "kill look add balance" {
			t.Errorf("at the end: %q", got)
		}
		admin.get("/estate").want(t, http.StatusOK)
		admin.get("/experiments").want(t, http.StatusOK, "Done")
	})
}

package academy

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/fleet/control"
	"gatehouse.example/fleet/supervisor"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// This file is the page of the installation's own replicas. It runs in no lab process.

// estateView is the page's data.
type estateView struct {
	Shell   components.Shell
	Shop    string // the Shop's address, for the other tab
	Here    string // the replica that rendered the page
	Steps   []estateStep
	Estate  control.View
	Away    bool   // `gatehouse up` does not answer
	None    bool   // this Academy was not started by `gatehouse up`
	Refusal string // why a change was refused
	Name    func(service string) string
}

// estateStep is a step of the guided path, done when the log contains the matching entry.
type estateStep struct {
	ID, Title, Do, Why string
	Done               bool
}

// estate handles GET /estate: it shows the replicas.
func (a *App) estate(c echo.Context) error {
	v, err := a.estateView(c)
	if err != nil {
		return err
	}
	return a.showEstate(c, http.StatusOK, v)
}

func (a *App) showEstate(c echo.Context, status int, v estateView, more ...templ.Component) error {
	if v.Away {
		status = http.StatusServiceUnavailable
		c.Response().Header().Set("Retry-After", "2")
	}
	return web.Render(c, status, wholeEstate(v), append([]templ.Component{estateParts(v)}, more...)...)
}

// estateView queries the supervisor and returns the page's data. If the supervisor does not answer, it returns a view
// with Away set, not an error.
func (a *App) estateView(c echo.Context) (estateView, error) {
	v := estateView{Shell: experimentShell(c, "The whole estate"), Shop: a.Estate.URL(shopService), Here: a.Replica, Name: a.Estate.Name, None: a.Control == nil}
	v.Shell.Path = estatePage
	if v.None {
		return v, nil
	}
	var err error
	v.Estate, err = a.Control.View(c.Request().Context())
	if errors.Is(err, control.ErrUnavailable) {
		a.Logger.Warn("the supervisor does not respond", "error", err)
		v.Away = true
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Steps = estateSteps(v.Estate.Log, apps.Subject(c))
	return v, a.noticeEstate(c, v.Steps)
}

// noticeEstate stores that the user has finished the guided path once all steps are done.
func (a *App) noticeEstate(c echo.Context, steps []estateStep) error {
	for _, s := range steps {
		if !s.Done {
			return nil
		}
	}
	ctx, sub := c.Request().Context(), apps.Subject(c)
	done, err := a.store.ExperimentsDone(ctx, sub)
	if _, already := done[estateExperiment]; err != nil || already {
		return err
	}
	if err := a.noteLearner(c); err != nil {
		return err
	}
	_, err = a.store.FinishExperiment(ctx, store.ExperimentDone{Sub: sub, Experiment: estateExperiment, Findings: "{}"}, a.Now())
	return err
}

// estateLive handles GET /estate/live, with which the page polls for updates: it answers 204 if nothing has changed.
func (a *App) estateLive(c echo.Context) error {
	if !web.WantsFragment(c) {
		return web.SeeOther(c, estatePage)
	}
	v, err := a.estateView(c)
	if err != nil {
		return err
	}
	if v.checksum() == c.QueryParam("have") {
		return c.NoContent(http.StatusNoContent)
	}
	// Even if the supervisor does not answer, this request succeeded: answer 200.
	return web.Render(c, http.StatusOK, wholeEstate(v), estateParts(v))
}

// checksum returns a hash of what the page shows. It leaves out the request counts of the Academy, since polling
// changes them.
func (v estateView) checksum() string {
	e := v.Estate
	e.Services = append([]control.Service(nil), e.Services...)
	for i, s := range e.Services {
		if s.Name != service {
			continue
		}
		rs := append([]control.Replica(nil), s.Replicas...)
		for j := range rs {
			rs[j].Answered, rs[j].InFlight = 0, 0
		}
		e.Services[i].Replicas = rs
	}
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, v.Away, v.None, v.Refusal, e)
	return strconv.FormatUint(h.Sum64(), 36)
}

// recentSignIn is the maximum age of the sign-in of an administrator who changes replicas, as in the portal's
// console.
const recentSignIn = 15 * time.Minute

// estateQuestions are the confirmations asked before a change: the verb on the button, and what the change means for
// other users. %s is the replica.
var estateQuestions = map[string]struct{ Do, Ask string }{
	"/estate/kill":   {"Kill", "Kill %s? Requests in progress on it will be cut off for other users too. It will restart immediately."},
	"/estate/add":    {"Add", "Add %s? It will use memory and serve a share of the requests until you remove it."},
	"/estate/remove": {"Remove", "Remove %s? It will finish its current requests, then stop permanently."},
}

// estateQuestion returns the confirmation for a form's path and a replica.
func estateQuestion(path, replica string) string {
	return fmt.Sprintf(estateQuestions[path].Ask, replica)
}

// confirmView is the page that asks to confirm a change.
type confirmView struct {
	Shell             components.Shell
	Path, Do          string
	Replica, PID, Ask string
}

// confirmed returns middleware that passes a confirmed change on to change: confirmed in the page's dialog, or on the
// separate page that it renders for browsers without scripts.
func (a *App) confirmed(change echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if a.Control == nil || c.FormValue("confirmed") == "yes" {
			return change(c)
		}
		path, replica := c.Path(), c.FormValue("replica")
		v := confirmView{
			Shell: experimentShell(c, estateQuestions[path].Do+" a replica"), Path: path, Do: estateQuestions[path].Do,
			Replica: replica, PID: c.FormValue("pid"), Ask: estateQuestion(path, replica),
		}
		v.Shell.Path = estatePage
		return web.Render(c, http.StatusOK, confirmEstate(v))
	}
}

// estateKill handles POST /estate/kill: it kills a replica's process.
func (a *App) estateKill(c echo.Context) error {
	name := c.FormValue("replica")
	pid, err := strconv.Atoi(c.FormValue("pid"))
	if err != nil || pid <= 0 {
		pid = 0 // matches no process, so it is refused
	}
	return a.changeEstate(c, name+" was killed. Watch the supervisor restart it.", func(by control.By) error {
		return a.Control.Kill(c.Request().Context(), by, name, pid)
	})
}

// estateAdd handles POST /estate/add: it starts another replica.
func (a *App) estateAdd(c echo.Context) error {
	name := c.FormValue("replica")
	return a.changeEstate(c, name+" is starting.", func(by control.By) error {
		return a.Control.Add(c.Request().Context(), by, name)
	})
}

// estateRemove handles POST /estate/remove: it stops a replica for good.
func (a *App) estateRemove(c echo.Context) error {
	name := c.FormValue("replica")
	return a.changeEstate(c, name+" gets no more requests and is stopping.", func(by control.By) error {
		return a.Control.Remove(c.Request().Context(), by, name)
	})
}

// estatePolicy handles POST /estate/policy: it changes a service's load-balancing policy.
func (a *App) estatePolicy(c echo.Context) error {
	name, policy := c.FormValue("service"), c.FormValue("policy")
	return a.changeEstate(c, a.Estate.Name(name)+" now uses “"+control.Title(policy)+"” load balancing.", func(by control.By) error {
		return a.Control.SetPolicy(c.Request().Context(), by, name, policy)
	})
}

// changeEstate runs change and shows its result: done on success, otherwise the refusal (409) or that the supervisor
// does not answer (503).
func (a *App) changeEstate(c echo.Context, done string, change func(control.By) error) error {
	if a.Control == nil {
		return a.estate(c)
	}
	p := rp.From(c.Request())
	err := change(control.By{Subject: p.Subject, Person: p.Name, Replica: a.Replica})
	var refused control.Refusal
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, control.ErrUnavailable) {
		return err
	}
	if err == nil && !web.WantsFragment(c) {
		web.Flash(c, "success", done)
		return web.SeeOther(c, estatePage)
	}
	v, viewErr := a.estateView(c)
	if viewErr != nil {
		return viewErr
	}
	switch {
	case refused != "":
		v.Refusal = refused.Error()
		return a.showEstate(c, http.StatusConflict, v)
	case err != nil:
		v.Away = true
		return a.showEstate(c, http.StatusServiceUnavailable, v)
	}
	return a.showEstate(c, http.StatusOK, v, components.ToastOOB(components.Toast{Kind: "success", Message: done}))
}

// toEstate redirects a GET of a form's target address to the page.
func (a *App) toEstate(c echo.Context) error { return web.SeeOther(c, estatePage) }

// shopService is the app that the guided path uses.
const shopService = "shop"

// estateSteps returns the guided path. log is newest first; only the entries caused by the user sub complete a step.
func estateSteps(log []control.Entry, sub string) []estateStep {
	did := func(kind string) (first int, yes bool) { // the index of the oldest entry
		for i := len(log) - 1; i >= 0; i-- {
			if log[i].Kind == kind && log[i].Subject == sub {
				return i, true
			}
		}
		return 0, false
	}
	at, killed := did(control.Killed)
	back := false
	for i := 0; killed && i < at; i++ {
		back = back || log[i].Kind == control.Ready
	}
	_, added := did(control.Added)
	_, balanced := did(control.Balanced)
	return []estateStep{
		{ID: "kill", Title: "Kill a replica of the Shop", Done: killed,
			Do:  "Open the Shop in another tab, sign in and add something to the cart. Then press Kill next to shop-1 here, and immediately click a link in the other tab.",
			Why: "SIGKILL is like a crash: the process has no chance to clean up. The load balancer notices that it is gone and sends the request to the other replica."},
		{ID: "look", Title: "See that nothing was lost", Done: back,
			Do:  "In the other tab, your cart is still full and you're still signed in. Technical details, in the footer, name the replica that responded. The log below shows how long shop-1 was down.",
			Why: "The cart is in the database and the session is in Redis. No replica holds anything that a request needs, so any replica can serve it."},
		{ID: "add", Title: "Add a replica", Done: added,
			Do:  "Press Add next to the Shop, wait until shop-3 is ready, and reload the other tab a few times.",
			Why: "This is horizontal scaling. The new replica needs no copy of any session. It loads the denylist, reports that it is ready, and starts to receive requests."},
		{ID: "balance", Title: "Change the load balancing", Done: balanced,
			Do:  "Choose sticky for the Shop and reload the other tab: the technical details in the footer name the same replica each time. Kill that one, and another takes over. Then choose round robin again.",
			Why: "Sticky sessions aren't needed here, because replicas keep no state. They only spread the load less evenly."},
	}
}

// stateKind returns the badge kind (colour) of a replica's state.
func stateKind(r control.Replica) string {
	switch {
	case r.State == string(supervisor.Serving) && r.Healthy:
		return "success"
	case r.State == string(supervisor.Serving):
		return "warning"
	case r.State == string(supervisor.Waiting):
		return "error"
	}
	return "info"
}

// stateText returns the display text of a replica's state.
func stateText(r control.Replica) string {
	switch {
	case r.State == string(supervisor.Serving) && !r.Healthy:
		return "unhealthy"
	case r.State == string(supervisor.Waiting):
		return "down"
	}
	return r.State
}

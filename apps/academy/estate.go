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

	"gatehouse/apps/academy/store"
	"gatehouse/components"
	"gatehouse/fleet/control"
	"gatehouse/fleet/supervisor"
	"gatehouse/sso/rp"
	"gatehouse/web"
)

// The whole estate: the real replicas of this very installation. It runs in no lab.

// estateView is the page.
type estateView struct {
	Shell   components.Shell
	Shop    string // its address, for the other tab
	Here    string // the replica that drew the page
	Steps   []estateStep
	Estate  control.View
	Away    bool   // `gatehouse up` does not answer
	None    bool   // this Academy was not started by it
	Refusal string // why something was not done
	Name    func(service string) string
}

// estateStep is a step of the guided path; it is done when the log says so.
type estateStep struct {
	ID, Title, Do, Why string
	Done               bool
}

// estate shows the replicas.
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

// estateView looks at the estate. That nobody answers is a view, too.
func (a *App) estateView(c echo.Context) (estateView, error) {
	v := estateView{Shell: experimentShell(c, "The whole estate"), Shop: a.Estate.URL(shopService), Here: a.Replica, Name: a.appName, None: a.Control == nil}
	v.Shell.Path = estatePage
	if v.None {
		return v, nil
	}
	var err error
	v.Estate, err = a.Control.View(c.Request().Context())
	if errors.Is(err, control.ErrAway) {
		a.Logger.Warn("the estate's supervisor does not answer", "error", err)
		v.Away = true
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Steps = estateSteps(v.Estate.Log, subject(c))
	return v, a.noticeEstate(c, v.Steps)
}

// noticeEstate takes down that somebody has come to the end of the path.
func (a *App) noticeEstate(c echo.Context, steps []estateStep) error {
	for _, s := range steps {
		if !s.Done {
			return nil
		}
	}
	ctx, sub := c.Request().Context(), subject(c)
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

// estateLive answers the page's question for what is new: 204 when nothing is.
func (a *App) estateLive(c echo.Context) error {
	if !web.WantsFragment(c) {
		return web.SeeOther(c, estatePage)
	}
	v, err := a.estateView(c)
	if err != nil {
		return err
	}
	if v.sum() == c.QueryParam("have") {
		return c.NoContent(http.StatusNoContent)
	}
	// What is shown of somebody who does not answer is no failure of this request.
	return web.Render(c, http.StatusOK, wholeEstate(v), estateParts(v))
}

// sum tells what the page shows, without the requests that the Academy answered: asking
// is one of them.
func (v estateView) sum() string {
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

// recentSignIn is how long ago a person who changes the estate may have proved who they are, as in the console.
const recentSignIn = 15 * time.Minute

// estateQuestions are asked before the estate is changed: what the button does, and what that means for others. %s is
// the replica.
var estateQuestions = map[string]struct{ Do, Ask string }{
	"/estate/kill":   {"Kill", "Kill %s? Requests that it is answering break off, for everybody who uses it. It is started again at once."},
	"/estate/add":    {"Add", "Add %s? It takes memory and a share of the requests until it is removed."},
	"/estate/remove": {"Remove", "Remove %s? It finishes its requests and is stopped for good."},
}

// estateQuestion is the question of a form's path, about a replica.
func estateQuestion(path, replica string) string {
	return fmt.Sprintf(estateQuestions[path].Ask, replica)
}

// confirmView asks whether a change of the estate is meant.
type confirmView struct {
	Shell             components.Shell
	Path, Do          string
	Replica, PID, Ask string
}

// confirmed lets a change of the estate through once the person has answered its question: in the dialog of the page,
// or on a page of its own where scripts are off.
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

// estateKill ends a process.
func (a *App) estateKill(c echo.Context) error {
	name := c.FormValue("replica")
	pid, err := strconv.Atoi(c.FormValue("pid"))
	if err != nil || pid <= 0 {
		pid = 0 // which is nobody's, and is refused
	}
	return a.changeEstate(c, name+" was killed. Watch the supervisor start it again.", func(by control.By) error {
		return a.Control.Kill(c.Request().Context(), by, name, pid)
	})
}

// estateAdd starts one more replica.
func (a *App) estateAdd(c echo.Context) error {
	name := c.FormValue("replica")
	return a.changeEstate(c, name+" is being started.", func(by control.By) error {
		return a.Control.Add(c.Request().Context(), by, name)
	})
}

// estateRemove ends a replica for good.
func (a *App) estateRemove(c echo.Context) error {
	name := c.FormValue("replica")
	return a.changeEstate(c, name+" gets no more requests and is being stopped.", func(by control.By) error {
		return a.Control.Remove(c.Request().Context(), by, name)
	})
}

// estatePolicy changes how the requests of a service are spread.
func (a *App) estatePolicy(c echo.Context) error {
	name, policy := c.FormValue("service"), c.FormValue("policy")
	return a.changeEstate(c, a.appName(name)+" is balanced by the rule “"+control.Title(policy)+"” from now on.", func(by control.By) error {
		return a.Control.SetPolicy(c.Request().Context(), by, name, policy)
	})
}

// changeEstate does something and says how it went.
func (a *App) changeEstate(c echo.Context, done string, change func(control.By) error) error {
	if a.Control == nil {
		return a.estate(c)
	}
	p := rp.Person(c)
	err := change(control.By{Subject: p.Subject, Person: p.Name, Replica: a.Replica})
	var refused control.Refusal
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, control.ErrAway) {
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

// toEstate leads who comes by a link to what is only sent by a form.
func (a *App) toEstate(c echo.Context) error { return web.SeeOther(c, estatePage) }

// shopService is whom one visits meanwhile.
const shopService = "shop"

// estateSteps are the guided path. log has the newest first; what counts is what this
// person did.
func estateSteps(log []control.Entry, sub string) []estateStep {
	did := func(kind string) (first int, yes bool) { // the oldest, by its place
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
			Do:  "Open the Shop in another tab, sign in and put something into the cart. Then press Kill beside shop-1, here, and at once click on in the other tab.",
			Why: "SIGKILL is what a crash is: the process gets no chance to say goodbye. The balancer hears that nobody answers and asks the other replica."},
		{ID: "look", Title: "See that nothing was lost", Done: back,
			Do:  "In the other tab the cart is full and you are signed in. The footer names the replica that answered. In the log below, read how long shop-1 was away.",
			Why: "The cart is in the database and the session is in Redis. What a request needs is in no replica, so that any replica will do."},
		{ID: "add", Title: "Add a replica", Done: added,
			Do:  "Press Add beside the Shop, wait until shop-3 is ready, and reload the other tab a few times.",
			Why: "This is growing sideways. The new one needs no copy of any session: it loads the denylist, says that it is ready, and gets its turn."},
		{ID: "balance", Title: "Change the balancing", Done: balanced,
			Do:  "Choose sticky for the Shop and reload the other tab: the footer names the same replica each time. Kill that one, and you move to another. Then choose round robin again.",
			Why: "Sticky sessions are not needed here, because nothing is kept in a replica. They only spread the load less evenly."},
	}
}

// stateKind is the colour of a replica's state.
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

// stateText is what people read for a replica's state.
func stateText(r control.Replica) string {
	switch {
	case r.State == string(supervisor.Serving) && !r.Healthy:
		return "put aside"
	case r.State == string(supervisor.Waiting):
		return "dead"
	}
	return r.State
}

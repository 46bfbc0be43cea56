package academy

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/web"
)

// runIDOf returns the ID of the run that a form with this key starts. It is the same each time the form is sent.
func runIDOf(key string) string {
	if !web.ValidFormKey(key) {
		return store.NewID()
	}
	return strings.ToLower(key[:16])
}

// startRun handles POST /experiments/:experiment/runs: it starts an experiment from its page's form.
func (a *App) startRun(c echo.Context) error {
	e, known := a.experiment(c.Param("experiment"))
	if !known {
		return web.NotFound("This experiment")
	}
	if !mayTry(c, e) {
		return web.Forbidden("This experiment requires the role " + strings.Join(e.Roles, " or ") + ".")
	}
	mode := lab.Guided
	if c.FormValue("mode") == lab.Free || len(e.Steps) == 0 {
		mode = lab.Free
	}
	given := readArgs(c, "set.", e.Params)
	setup, err := e.Fill(given)
	if refused := lab.Refusal(""); errors.As(err, &refused) {
		return a.experimentPage(c, http.StatusUnprocessableEntity, e, mode, given, refused.Error())
	}
	start := lab.Start{ID: runIDOf(c.FormValue("key")), Experiment: e.Name, Setup: setup, Mode: mode, Person: givenName(c), Account: apps.Subject(c), Network: web.ClientNetwork(c)}
	return a.beginRun(c, e, start, setup, lab.State{Setup: setup})
}

// restartRun handles POST /runs/:run/again: it starts a new run from the learner's current step, with the findings so
// far, or from the beginning.
func (a *App) restartRun(c echo.Context) error {
	r, e, err := a.findRun(c)
	if err != nil {
		return err
	}
	if !mayTry(c, e) {
		return web.Forbidden("This experiment requires the role " + strings.Join(e.Roles, " or ") + ".")
	}
	ctx := c.Request().Context()
	was, err := a.currentState(ctx, &r, -1)
	if n := net.Error(nil); errors.As(err, &n) && ctx.Err() == nil { // its process, or its machine, is gone or stuck
		was, err = stateOf(r), nil
	}
	if err != nil {
		return err
	}
	if err := a.endRun(ctx, &r, nextWhy); err != nil {
		return err
	}
	goesOn := c.FormValue("from") != "start" && r.Mode == lab.Guided && was.Step < len(e.Steps)
	first := fittingSetup(e, was.Setup)
	if r.Mode == lab.Guided {
		first = fittingSetup(e, firstSetup(r))
	}
	setup := first
	if goesOn {
		setup = fittingSetup(e, was.Setup)
	}
	start := lab.Start{ID: runIDOf(c.FormValue("key")), Experiment: e.Name, Setup: setup, Mode: r.Mode, Person: givenName(c), Account: apps.Subject(c), Network: web.ClientNetwork(c)}
	shown := lab.State{Setup: setup}
	if goesOn {
		start.Step, start.Findings = was.Step, was.Findings
		shown.Step, shown.Findings, shown.Foretold = was.Step, was.Findings, was.Foretold
	}
	return a.beginRun(c, e, start, first, shown)
}

// fittingSetup returns the part of an earlier setup that e's parameters still accept, since the experiment may have
// changed. It returns the default setup if a value is invalid.
func fittingSetup(e lab.Experiment, was lab.Args) lab.Args {
	given := lab.Args{}
	for _, p := range e.Params {
		if v, there := was[p.Name]; there {
			given[p.Name] = v
		}
	}
	setup, err := e.Fill(given)
	if err != nil {
		setup, _ = e.Fill(nil)
	}
	return setup
}

// beginRun starts a run and redirects to it. The run is stored first, so that a form sent twice finds it. began is the
// setup with which the run can be started over.
func (a *App) beginRun(c echo.Context, e lab.Experiment, s lab.Start, began lab.Args, shown lab.State) error {
	// Finish starting the run even if the browser has gone.
	ctx := context.WithoutCancel(c.Request().Context())
	if id := c.FormValue("end"); id != "" {
		if err := a.endFor(ctx, id, apps.Subject(c)); err != nil {
			return err
		}
	}
	setup, err := json.Marshal(began)
	if err != nil {
		return err
	}
	state, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	r := store.Run{ID: s.ID, Sub: apps.Subject(c), Experiment: e.Name, Mode: s.Mode, Setup: string(setup), State: string(state), Step: s.Step, Replica: a.Replica}
	made, err := a.store.StartRun(ctx, r, maxRunsPerPerson, a.Now())
	switch {
	case errors.Is(err, store.ErrTooMany):
		return a.experimentPage(c, http.StatusConflict, e, s.Mode, s.Setup, "You've reached the limit for running experiments. End one first.")
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This run")
	case err != nil:
		return err
	case !made:
		return web.SeeOther(c, runURL(s.ID))
	}
	addr, err := a.Labs.Start(ctx, s)
	if err != nil {
		if err := a.store.DropRun(ctx, s.ID); err != nil {
			return err
		}
		return a.notStarted(c, e, s, err)
	}
	if err := a.store.PlaceRun(ctx, s.ID, addr); err != nil {
		// The run was ended meanwhile, when its address was not yet stored: end its process, which would otherwise
		// keep running uncounted.
		_ = a.Labs.End(ctx, addr, s.ID, goneWhy)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return web.SeeOther(c, runURL(s.ID))
}

// fullMessage is the message when all room for experiments is taken.
const fullMessage = "All places for experiments are taken right now. Try again in a minute."

// shareMessage is the message when an account or network would take more than its share.
const shareMessage = "This would exceed the limit for your account or network. End an experiment, or choose a smaller set-up."

func (a *App) notStarted(c echo.Context, e lab.Experiment, s lab.Start, err error) error {
	if refused := lab.Refusal(""); errors.As(err, &refused) {
		return a.experimentPage(c, http.StatusUnprocessableEntity, e, s.Mode, s.Setup, refused.Error())
	}
	if errors.Is(err, lab.ErrShare) {
		return a.experimentPage(c, http.StatusConflict, e, s.Mode, s.Setup, shareMessage)
	}
	if errors.Is(err, lab.ErrFull) {
		c.Response().Header().Set("Retry-After", "30")
		return a.experimentPage(c, http.StatusServiceUnavailable, e, s.Mode, s.Setup, fullMessage)
	}
	return err
}

// endFor ends a user's run to make room for another. It does nothing if the run has ended or belongs to another user.
func (a *App) endFor(ctx context.Context, id, sub string) error {
	if !idForm.MatchString(id) {
		return nil
	}
	r, err := a.store.FindRun(ctx, id, sub)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.endRun(ctx, &r, nextWhy)
}

// readArgs returns the values of a form for params, whose field names begin with prefix.
func readArgs(c echo.Context, prefix string, params []lab.Param) lab.Args {
	args := lab.Args{}
	form, err := c.FormParams()
	if err != nil {
		return args
	}
	for _, p := range params {
		values, there := form[prefix+p.Name]
		switch {
		case there && len(values) > 0:
			args[p.Name] = values[len(values)-1]
		case p.Type == lab.Bool && form.Has(prefix+p.Name+".there"):
			args[p.Name] = "false" // browsers do not send unticked boxes
		}
	}
	return args
}

func runURL(id string) string { return "/runs/" + id }

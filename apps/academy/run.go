package academy

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// runView is the page of a run.
type runView struct {
	Shell     components.Shell
	E         lab.Experiment
	Run       store.Run
	State     lab.State
	Key       string // of this page's forms; each appends its action
	Since     int64  // the requests after this number are shown moving
	Permalink string
	Fault     fault
}

// fault is the reason why an action was rejected, and its input.
type fault struct {
	Where   string // control or step
	Server  string // of a control that is shown for each server
	Message string
	Args    lab.Args
}

func (v runView) url(rest string) string { return runURL(v.Run.ID) + rest }

func (v runView) guided() bool { return v.Run.Mode != lab.Free }

// acceptsControls reports whether the run accepts controls.
func (v runView) acceptsControls() bool { return v.Run.IsRunning() && v.Run.Address != "" }

// newest returns the number of the last request that the page shows.
func (v runView) newest() int64 {
	if n := len(v.State.Requests); n > 0 {
		return v.State.Requests[n-1].N
	}
	return 0
}

// seenField returns the attributes of the form field that tells which requests the page has shown.
func (v runView) seenField() string {
	return `name="seen" value="` + strconv.FormatInt(v.newest(), 10) + `"`
}

// newRunView returns the page data of a run and its state, without moving requests.
func (a *App) newRunView(r store.Run, e lab.Experiment, s lab.State) runView {
	v := runView{E: e, Run: r, State: s, Key: rand.Text()}
	v.Since = v.newest()
	mode := r.Mode
	if !maps.Equal(s.Setup, firstSetup(r)) {
		mode = lab.Free // a guided path begins with its own setup, not with the one that its steps have changed
	}
	v.Permalink = a.Estate.URL(service) + experimentURL(e.Name, mode, s.Setup)
	return v
}

// run handles GET /runs/:run: it shows a run. The parameter since is the number of the last request that the previous
// page had shown.
func (a *App) run(c echo.Context) error {
	r, e, err := a.findRun(c)
	if err != nil {
		return err
	}
	s, err := a.currentState(c.Request().Context(), &r, 0)
	if err != nil {
		return err
	}
	if err := a.saveProgress(c.Request().Context(), &r, s); err != nil {
		return err
	}
	v := a.newRunView(r, e, s)
	if n, err := strconv.ParseInt(c.QueryParam("since"), 10, 64); err == nil && n >= 0 {
		v.Since = n
	}
	return a.runPage(c, http.StatusOK, v)
}

func (a *App) runPage(c echo.Context, status int, v runView) error {
	v.Shell = experimentShell(c, v.E.Title)
	v.Shell.Path = v.url("")
	return web.Render(c, status, runPage(v), v.changed(""))
}

// saveProgress stores a state with other progress than the stored one, so that progress made without a click is kept.
func (a *App) saveProgress(ctx context.Context, r *store.Run, s lab.State) error {
	if !r.IsRunning() || s.Version == 0 || s.Step == r.Step && len(s.Findings) == len(stateOf(*r).Findings) {
		return nil
	}
	return a.saveState(ctx, r, s)
}

// doControl handles POST /runs/:run/do: it runs a control.
func (a *App) doControl(c echo.Context) error {
	r, e, err := a.findRun(c)
	if err != nil {
		return err
	}
	name := c.FormValue("control")
	f := fault{Where: name, Server: c.FormValue("arg.server"), Args: lab.Args{}}
	for _, control := range e.Controls {
		if control.Name != name {
			continue
		}
		f.Args = readArgs(c, "arg.", control.Fields)
		if control.PerServer {
			f.Args["server"] = f.Server
		}
	}
	return a.performAction(c, r, e, f, func(ctx context.Context) (lab.State, error) {
		return a.Labs.Do(ctx, r.Address, r.ID, name, f.Args, formKey(c, name+f.Server))
	})
}

// doStep handles POST /runs/:run/step: it runs the next guided step.
func (a *App) doStep(c echo.Context) error {
	r, e, err := a.findRun(c)
	if err != nil {
		return err
	}
	id := c.FormValue("step")
	guess := web.Int(c, "guess", -1, 0, 20)
	f := fault{Where: id, Args: lab.Args{"guess": c.FormValue("guess")}}
	return a.performAction(c, r, e, f, func(ctx context.Context) (lab.State, error) {
		return a.Labs.Step(ctx, r.Address, r.ID, id, guess, formKey(c, id))
	})
}

// formKey returns a key that identifies an action, so that a form sent twice counts once: the page's key and the
// action.
func formKey(c echo.Context, what string) string {
	if key := c.FormValue("key"); web.ValidFormKey(key) && len(what) <= 100 {
		return key + "." + what
	}
	return ""
}

// performAction performs an action on a run and shows the result: the page or, for htmx, its parts. A refusal is shown
// next to its form, with the input.
func (a *App) performAction(c echo.Context, r store.Run, e lab.Experiment, f fault, what func(context.Context) (lab.State, error)) error {
	// Finish the action even if the browser has gone.
	ctx := context.WithoutCancel(c.Request().Context())
	if !r.IsRunning() {
		return a.tooLate(c, r, e, stateOf(r))
	}
	if r.Address == "" {
		f.Message = "The experiment is still starting. Try again in a moment."
		v := a.newRunView(r, e, stateOf(r))
		v.Fault = f
		return a.runPage(c, http.StatusConflict, v)
	}
	s, err := what(ctx)
	switch refused := lab.Refusal(""); {
	case errors.Is(err, lab.ErrGone):
		s, err := a.currentState(ctx, &r, 0)
		if err != nil {
			return err
		}
		return a.tooLate(c, r, e, s)
	case errors.As(err, &refused):
		if s, err = a.currentState(ctx, &r, 0); err != nil {
			return err
		}
		f.Message = refused.Error()
		v := a.newRunView(r, e, s)
		v.Fault = f
		return a.runPage(c, http.StatusUnprocessableEntity, v)
	case err != nil:
		return err
	}
	if err := a.saveState(ctx, &r, s); err != nil {
		return err
	}
	seen := seenBefore(c)
	if web.WantsFragment(c) {
		v := a.newRunView(r, e, s)
		v.Since = seen
		return a.runPage(c, http.StatusOK, v)
	}
	return web.SeeOther(c, runURL(r.ID)+"?"+url.Values{"since": {strconv.FormatInt(seen, 10)}}.Encode())
}

// seenBefore returns the number of the last request that the page had shown: the script's value (n), or the value
// when the page was rendered (seen).
func seenBefore(c echo.Context) int64 {
	for _, name := range []string{"n", "seen"} {
		if n, err := strconv.ParseInt(c.FormValue(name), 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return 0
}

// tooLate answers 409 to an action on a run that has ended.
func (a *App) tooLate(c echo.Context, r store.Run, e lab.Experiment, s lab.State) error {
	v := a.newRunView(r, e, s)
	v.Fault = fault{Message: "The experiment has ended, so nothing was done. Start it again to continue where you left off."}
	return a.runPage(c, http.StatusConflict, v)
}

// endByUser handles POST /runs/:run/end: it ends a run at the learner's request.
func (a *App) endByUser(c echo.Context) error {
	r, e, err := a.findRun(c)
	if err != nil {
		return err
	}
	if err := a.endRun(context.WithoutCancel(c.Request().Context()), &r, leftWhy); err != nil {
		return err
	}
	web.Flash(c, "info", "The experiment has ended. Your results are saved.")
	if back := web.LocalPath(c.FormValue("return_to")); back != "" && strings.HasPrefix(back, "/experiments") {
		return web.SeeOther(c, back)
	}
	return web.SeeOther(c, experimentURL(e.Name, r.Mode, nil))
}

// toRun redirects a GET of a form's target address to the run.
func (a *App) toRun(c echo.Context) error {
	r, _, err := a.findRun(c)
	if err != nil {
		return err
	}
	return web.SeeOther(c, runURL(r.ID))
}

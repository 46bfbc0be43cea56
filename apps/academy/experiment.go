package academy

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// experimentView is the page of an experiment that has not been started.
type experimentView struct {
	Shell   components.Shell
	E       lab.Experiment
	Mode    string
	Setup   lab.Args // the form's values
	Key     string   // identifies the form, so that sending it twice starts one run
	Fault   string   // why it could not be started
	Quota   quota
	Guest   bool
	May     bool // the user's roles allow starting it
	Running *store.Run
	Last    *lastRun
}

// quota is what is left of the limits on the user's runs and on this server's.
type quota struct {
	Running []store.Run // the user's
	Names   map[string]string
	Left    int // number of further runs of the default size that fit on this server
}

func (q quota) full() bool { return len(q.Running) >= maxRunsPerPerson }

// lastRun is the user's newest run of an experiment.
type lastRun struct {
	Run      store.Run
	Findings lab.Findings
	Done     bool // the guided path has been finished once
	Step     int
}

// showExperiment handles GET /experiments/:experiment: it shows an experiment that has not been started. The query
// carries the setup; an invalid one is replaced by the default, with a message.
func (a *App) showExperiment(c echo.Context) error {
	e, known := a.experiment(c.Param("experiment"))
	if !known {
		return web.NotFound("This experiment")
	}
	mode := lab.Guided
	if c.QueryParam("mode") == lab.Free || len(e.Steps) == 0 {
		mode = lab.Free
	}
	given := lab.Args{}
	for _, p := range e.Params {
		if v := c.QueryParam(p.Name); v != "" {
			given[p.Name] = v
		}
	}
	setup, err := e.Fill(given)
	fault := ""
	if refused := lab.Refusal(""); errors.As(err, &refused) {
		fault = "The set-up in this link isn't valid: " + refused.Error()
		setup, _ = e.Fill(nil)
	}
	return a.experimentPage(c, http.StatusOK, e, mode, setup, fault)
}

// toExperiment redirects a GET of the start form's target address to the experiment's page.
func (a *App) toExperiment(c echo.Context) error {
	e, known := a.experiment(c.Param("experiment"))
	if !known {
		return web.NotFound("This experiment")
	}
	return web.SeeOther(c, experimentURL(e.Name, lab.Guided, nil))
}

func (a *App) experimentPage(c echo.Context, status int, e lab.Experiment, mode string, setup lab.Args, fault string) error {
	v := experimentView{E: e, Mode: mode, Setup: setup, Key: rand.Text(), Fault: fault, Guest: apps.Subject(c) == "", May: mayTry(c, e)}
	v.Shell = experimentShell(c, e.Title)
	if c.Request().Method != http.MethodGet {
		v.Shell.Path = experimentURL(e.Name, mode, nil)
	}
	v.Shell.Description = e.Lead
	if !v.Guest {
		var err error
		if v.Quota, err = a.quota(c); err != nil {
			return err
		}
		if v.Last, err = a.lastRun(c, e); err != nil {
			return err
		}
		if i := slices.IndexFunc(v.Quota.Running, func(r store.Run) bool { return r.Experiment == e.Name && r.Mode == mode }); i >= 0 {
			v.Running = &v.Quota.Running[i]
		}
	}
	return web.Render(c, status, experimentPage(v))
}

func (a *App) quota(c echo.Context) (quota, error) {
	running, err := a.store.RunningOf(c.Request().Context(), apps.Subject(c))
	if err != nil {
		return quota{}, err
	}
	q := quota{Running: running, Names: map[string]string{}}
	for _, e := range a.Experiments {
		q.Names[e.Name] = e.Title
	}
	_, q.Left = a.Labs.Room()
	return q, nil
}

// lastRun returns the user's newest run of an experiment with its findings, or nil if there is none.
func (a *App) lastRun(c echo.Context, e lab.Experiment) (*lastRun, error) {
	r, err := a.store.NewestRun(c.Request().Context(), apps.Subject(c), e.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	done, err := a.store.ExperimentsDone(c.Request().Context(), apps.Subject(c))
	if err != nil {
		return nil, err
	}
	s := stateOf(r)
	l := &lastRun{Run: r, Findings: s.Findings, Step: r.Step}
	_, l.Done = done[e.Name]
	return l, nil
}

// experimentShell returns the frame of the pages about experiments.
func experimentShell(c echo.Context, title string) components.Shell {
	return shell(c, title, "/experiments")
}

// experimentURL returns an experiment's address; with a setup, it is a permalink.
func experimentURL(name, mode string, setup lab.Args) string {
	q := url.Values{}
	for k, v := range setup {
		q.Set(k, v)
	}
	if mode == lab.Free {
		q.Set("mode", lab.Free)
	}
	u := "/experiments/" + url.PathEscape(name)
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	return u
}

// tabs returns the tabs for the guided and the free mode, or nil if there is no guided path.
func tabs(e lab.Experiment, mode string) []components.NavItem {
	if len(e.Steps) == 0 {
		return nil
	}
	return []components.NavItem{
		{Label: "Guided", Icon: "compass", URL: experimentURL(e.Name, lab.Guided, nil), Current: mode != lab.Free},
		{Label: "Free", Icon: "sliders-horizontal", URL: experimentURL(e.Name, lab.Free, nil), Current: mode == lab.Free},
	}
}

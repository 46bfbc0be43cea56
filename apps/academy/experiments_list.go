package academy

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// listedExperiment is an entry of the list: an experiment, or a page that runs without a lab process.
type listedExperiment struct {
	Name, Title, Lead, URL string
	Steps                  int
	Done, Running          bool
	Roles                  []string
}

// pagesWithoutLab are the pages in the list that run without a lab process.
var pagesWithoutLab = []listedExperiment{
	{Name: "seen", Title: "Your own sign-in", Lead: "Your latest sign-in, hop by hop, as the servers recorded it.", URL: "/seen"},
	estateEntry,
}

// estateEntry is the page of this installation's replicas.
var estateEntry = listedExperiment{Name: estateExperiment, Title: "The whole estate", URL: estatePage, Roles: []string{"admin"},
	Lead: "The real replicas of this installation. Kill one, add one and change the load balancing while the Shop is in use."}

// listView is the page of all experiments.
type listView struct {
	Shell       components.Shell
	Experiments []listedExperiment
	Guest       bool
	Quota       quota
	Runs        store.RunPage
}

// experiments handles GET /experiments: it shows all experiments with the user's progress and runs.
func (a *App) experiments(c echo.Context) error {
	ctx := c.Request().Context()
	v := listView{Shell: experimentShell(c, "Experiments"), Guest: apps.Subject(c) == ""}
	v.Shell.Description = "Experiments on real servers: sign in, kill a branch, steal a token, and see how the servers respond."
	done := map[string]store.ExperimentDone{}
	if !v.Guest {
		var err error
		if v.Quota, err = a.quota(c); err != nil {
			return err
		}
		if done, err = a.store.ExperimentsDone(ctx, apps.Subject(c)); err != nil {
			return err
		}
		if v.Runs, err = a.store.RunsOf(ctx, apps.Subject(c), web.Int(c, "page", 1, 1, 1_000_000)); err != nil {
			return err
		}
	}
	running := map[string]bool{}
	for _, r := range v.Quota.Running {
		running[r.Experiment] = true
	}
	for _, e := range a.Experiments {
		_, is := done[e.Name]
		v.Experiments = append(v.Experiments, listedExperiment{Name: e.Name, Title: e.Title, Lead: e.Lead, URL: experimentURL(e.Name, lab.Guided, nil),
			Steps: len(e.Steps), Done: is, Running: running[e.Name], Roles: e.Roles})
	}
	for _, b := range pagesWithoutLab {
		if len(b.Roles) == 0 || rp.From(c.Request()) != nil && rp.From(c.Request()).HasRole(b.Roles...) {
			_, b.Done = done[b.Name]
			v.Experiments = append(v.Experiments, b)
		}
	}
	return web.Render(c, http.StatusOK, experimentsPage(v))
}

func (v listView) pages() components.Pages {
	return components.Pages{Page: v.Runs.Page, Total: v.Runs.Pages(), Label: "Pages of your runs",
		URL: func(n int) string { return fmt.Sprintf("/experiments?page=%d#runs", n) }}
}

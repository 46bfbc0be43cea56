package analytics

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse/apps/analytics/period"
	"gatehouse/components"
	"gatehouse/web"
)

// refreshEvery is how often the browser asks for the live parts, for htmx.
const refreshEvery = "5s"

// dashboardView is the page.
type dashboardView struct {
	shell     components.Shell
	query     query
	apps      []components.NavItem
	periods   []components.NavItem
	empty     bool // nothing was ever counted
	stats     []components.StatView
	panels    []shown
	updated   time.Time
	demoUntil time.Time
	faults    map[string]string // by field
}

// dashboard answers with the page, and htmx's refresh with the parts of it that change.
func (a *App) dashboard(c echo.Context) error {
	q, err := a.readQuery(c.QueryParams())
	wrong, faulty := fault(err)
	if err != nil && !faulty {
		return err
	}
	if faulty && web.WantsFragment(c) {
		return web.Invalid(wrong.Message)
	}
	v := dashboardView{query: q, updated: a.Now().UTC()}
	if faulty {
		v.faults = map[string]string{wrong.Field: wrong.Message}
	} else if err := a.fill(c, &v); err != nil {
		return err
	}
	if web.WantsFragment(c) {
		if c.QueryParam("was") == "empty" && !v.empty {
			c.Response().Header().Set("HX-Refresh", "true") // the page has a first event to show
		}
		return web.Render(c, http.StatusOK, v.live(), v.live())
	}
	if err := a.frame(c, &v); err != nil {
		return err
	}
	status := http.StatusOK
	if faulty {
		status = http.StatusUnprocessableEntity
	}
	return web.Render(c, status, v.page())
}

// fill adds what changes with every event.
func (a *App) fill(c echo.Context, v *dashboardView) error {
	ctx := c.Request().Context()
	f, err := a.load(ctx, v.query)
	if err != nil {
		return err
	}
	if len(f.cells) == 0 {
		if v.empty, err = a.store.Empty(ctx); err != nil {
			return err
		}
	}
	v.stats = stats(f, v.query.app)
	for _, p := range panelsFor(v.query.app, f) {
		v.panels = append(v.panels, p.draw(f))
	}
	return nil
}

// frame adds what stays.
func (a *App) frame(c echo.Context, v *dashboardView) error {
	ctx := c.Request().Context()
	var err error
	if v.demoUntil, err = a.store.DemoUntil(ctx); err != nil {
		return err
	}
	if v.shell, err = a.shell(c, "Overview"); err != nil {
		return err
	}
	v.periods = v.query.periodChoices(len(v.faults) > 0)
	v.apps, err = a.appChoices(c, v.query)
	return err
}

// shell is the header with this app's pages.
func (a *App) shell(c echo.Context, title string) (components.Shell, error) {
	skipped, err := a.store.Skipped(c.Request().Context())
	if err != nil {
		return components.Shell{}, err
	}
	count := 0
	for _, n := range skipped {
		count += int(n)
	}
	s := web.Shell(c, title)
	s.Nav = []components.NavItem{
		{Label: "Overview", URL: "/", Current: title == "Overview"},
		{Label: "Skipped", URL: "/skipped", Current: title == "Skipped events", Count: count},
	}
	return s, nil
}

func (q query) periodChoices(faulty bool) []components.NavItem {
	items := make([]components.NavItem, 0, len(period.Presets))
	for _, p := range period.Presets {
		items = append(items, components.NavItem{
			Label: p.Label, URL: q.with("/", period.Range, p.Name, period.From, "", period.To, ""), Current: !faulty && q.period.Name == p.Name,
		})
	}
	return items
}

// appChoices are the estate's own apps and those that others added to it.
func (a *App) appChoices(c echo.Context, q query) ([]components.NavItem, error) {
	items := []components.NavItem{{Label: "All apps", URL: q.with("/", "app", ""), Current: q.app == ""}}
	add := func(key string) {
		items = append(items, components.NavItem{Label: a.appName(key), URL: q.with("/", "app", key), Current: q.app == key})
	}
	seen := map[string]bool{}
	for _, app := range a.Estate.Apps() {
		add(app.Key)
		seen[app.Key] = true
	}
	others, err := a.store.Apps(c.Request().Context(), a.Now().Add(-30*period.Day))
	if err != nil {
		return nil, err
	}
	for _, key := range others {
		if !seen[key] {
			add(key)
			seen[key] = true
		}
	}
	if q.app != "" && !seen[q.app] {
		add(q.app)
	}
	return items, nil
}

// refresh are the attributes of the element that keeps the page up to date, none where nothing can change any more.
func (v dashboardView) refresh() templ.Attributes {
	if v.query.paused || len(v.faults) > 0 || v.ended() {
		return nil
	}
	url := v.query.with("/")
	if v.empty {
		url = v.query.with("/", "was", "empty")
	}
	return templ.Attributes{
		"hx-get": url, "hx-trigger": "every " + refreshEvery, "hx-swap": "none", "hx-sync": "this:drop", "data-live": true,
	}
}

// ended reports whether the period lies behind us.
func (v dashboardView) ended() bool { return !v.query.period.Partial(v.updated) }

// text is what the person typed into a field, to be shown again.
func (v dashboardView) text(field string) string {
	if typed := v.query.params.Get(field); typed != "" || v.query.period.From.IsZero() {
		return period.FieldValue(typed)
	}
	const form = "2006-01-02T15:04"
	if field == period.From {
		return v.query.period.From.Format(form)
	}
	if v.query.period.To.After(v.updated) {
		return v.updated.Format(form)
	}
	return v.query.period.To.Format(form)
}

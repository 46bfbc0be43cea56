package analytics

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// refreshInterval is the interval at which htmx requests the changing parts of the page.
const refreshInterval = "5s"

// dashboardView is the data of the dashboard page.
type dashboardView struct {
	shell     components.Shell
	query     query
	apps      []components.NavItem
	periods   []components.NavItem
	empty     bool // no event was ever counted
	stats     []components.StatView
	panels    []shown
	marks     marksView
	updated   time.Time
	demoUntil time.Time
	faults    map[string]string // messages by field name
	views     []store.View      // saved by the user

	viewName, viewFault string // the name of a view that could not be saved, and why
	deleted             store.View
}

// dashboard handles GET /: renders the page, or for an htmx refresh only the parts that change. An invalid query gives
// 422 with messages at its fields.
func (a *App) dashboard(c echo.Context) error {
	q, err := a.pageQuery(c, c.QueryParams())
	wrong, faulty := queryFault(err)
	if err != nil && !faulty {
		return err
	}
	if faulty && web.WantsFragment(c) {
		return web.Invalid(wrong.Message)
	}
	v := dashboardView{query: q, updated: a.Now().UTC()}
	if faulty {
		v.faults = map[string]string{wrong.Field: wrong.Message}
	} else if err := a.setFigures(c, &v); err != nil {
		return err
	}
	if web.WantsFragment(c) {
		if c.QueryParam("was") == "empty" && !v.empty {
			c.Response().Header().Set("HX-Refresh", "true") // the page shows the empty state and must be replaced as a whole
		}
		return web.Render(c, http.StatusOK, v.live(), v.live())
	}
	status := http.StatusOK
	if faulty {
		status = http.StatusUnprocessableEntity
	}
	return a.showPage(c, status, v)
}

// showDashboard loads the figures of v and renders the page.
func (a *App) showDashboard(c echo.Context, status int, v dashboardView) error {
	if err := a.setFigures(c, &v); err != nil {
		return err
	}
	return a.showPage(c, status, v)
}

// showPage loads the frame of v and renders the page.
func (a *App) showPage(c echo.Context, status int, v dashboardView) error {
	if err := a.setFrame(c, &v); err != nil {
		return err
	}
	return web.Render(c, status, v.page())
}

// setFigures sets the figures of v: the tiles and the panels, or v.empty if no event was ever counted.
func (a *App) setFigures(c echo.Context, v *dashboardView) error {
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
	own := *f // f is shared
	own.hidden, own.period = v.query.hidden, v.query.period
	own.starts = slices.Clone(f.starts)
	for i, t := range own.starts {
		own.starts[i] = own.period.Local(t)
	}
	f = &own
	v.marks = a.marksOf(f, v.query)
	for _, p := range panelsFor(v.query.app, f) {
		v.panels = append(v.panels, p.draw(f))
	}
	return nil
}

// setFrame sets the parts of v that a refresh does not replace: the shell, the choices of period and app, and the end
// of the demonstration history.
func (a *App) setFrame(c echo.Context, v *dashboardView) error {
	ctx := c.Request().Context()
	var err error
	if v.demoUntil, err = a.store.DemoUntil(ctx); err != nil {
		return err
	}
	if v.shell, err = a.shell(c, "Overview"); err != nil {
		return err
	}
	if v.views, err = a.store.Views(ctx, apps.Subject(c)); err != nil {
		return err
	}
	if name := c.QueryParam("deleted"); name != "" && len([]rune(name)) <= maxViewName {
		v.deleted = store.View{Name: name, Query: c.QueryParam("view")}
	}
	v.periods = v.query.periodChoices("/", len(v.faults) > 0)
	v.apps, err = a.appChoices(c, v.query)
	return err
}

// shell returns the page shell with the app's navigation and the number of skipped events.
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
		{Label: "Funnel", URL: "/funnel", Current: title == "Funnel"},
		{Label: "Retention", URL: "/retention", Current: title == "Retention"},
		{Label: "Skipped", URL: "/skipped", Current: title == "Skipped events", Count: count},
	}
	if rp.From(c.Request()).HasRole("admin") {
		open, err := a.store.CountAccessRequests(c.Request().Context())
		if err != nil {
			return components.Shell{}, err
		}
		s.Nav = append(s.Nav, components.NavItem{Label: "Requests", URL: "/access", Current: title == accessTitle, Count: open})
	}
	return s, nil
}

// periodChoices returns the links to the presets, for the page at path.
func (q query) periodChoices(path string, faulty bool) []components.NavItem {
	items := make([]components.NavItem, 0, len(period.Presets))
	for _, p := range period.Presets {
		items = append(items, components.NavItem{
			Label: p.Label, URL: q.urlWith(path, period.Range, p.Name, period.From, "", period.To, "", period.Zone, ""), Current: !faulty && q.period.Name == p.Name,
		})
	}
	return items
}

// appChoices returns the links that filter by app: the built-in apps, other apps with events in the last 30 days, and
// the app that q selects.
func (a *App) appChoices(c echo.Context, q query) ([]components.NavItem, error) {
	items := []components.NavItem{{Label: "All apps", URL: q.urlWith("/", "app", ""), Current: q.app == ""}}
	add := func(key string) {
		items = append(items, components.NavItem{Label: cmp.Or(a.Estate.Name(key), key), URL: q.urlWith("/", "app", key), Current: q.app == key})
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

// refresh returns the htmx attributes of the element that refreshes the page, or nil if refreshing is paused, the query
// is invalid or the period has ended.
func (v dashboardView) refresh() templ.Attributes {
	if v.query.paused || len(v.faults) > 0 || v.ended() {
		return nil
	}
	url := v.query.urlWith("/")
	if v.empty {
		url = v.query.urlWith("/", "was", "empty")
	}
	return templ.Attributes{
		"hx-get": url, "hx-trigger": "every " + refreshInterval, "hx-swap": "none", "hx-sync": "this:drop", "data-live": true,
	}
}

// updatedText formats the time of the figures, with seconds.
func (v dashboardView) updatedText() string {
	at := v.updated.In(v.zone())
	return at.Format("15:04:05 ") + period.ZoneText(at)
}

// ended reports whether the period has ended, so that its figures no longer change.
func (v dashboardView) ended() bool { return !v.query.period.Partial(v.updated) }

// text returns the value of the date field From or To, in the browser's zone: the submitted text, or else the period's
// own time.
func (v dashboardView) text(field string) string {
	zone := v.zone()
	if typed := v.query.params.Get(field); typed != "" || v.query.period.From.IsZero() {
		return period.FieldValue(typed, cmp.Or(period.LoadZone(v.query.params.Get(period.Zone)), time.UTC), zone)
	}
	const form = "2006-01-02T15:04"
	if field == period.From {
		return v.query.period.From.In(zone).Format(form)
	}
	if v.query.period.To.After(v.updated) {
		return v.updated.In(zone).Format(form)
	}
	return v.query.period.To.In(zone).Format(form)
}

// zone returns the zone of the times on the page.
func (v dashboardView) zone() *time.Location { return cmp.Or(v.query.period.Zone, time.UTC) }

// timeLabel returns the label of the date field From or To.
func (v dashboardView) timeLabel(field string) string {
	if v.zone() == time.UTC {
		return field + " (UTC)"
	}
	return field + " (your time)"
}

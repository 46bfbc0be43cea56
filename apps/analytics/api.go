package analytics

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/web"
)

// scopeRead is the scope that the API requires of access tokens. Their audience is this app's base URL.
const scopeRead = "analytics:read"

// Default and maximum page sizes of the API.
const (
	defaultPoints = 100
	maxPoints     = 1000
	maxRanking    = 100
)

// metricJSON describes one panel of the dashboard.
type metricJSON struct {
	Name   string     `json:"name"`
	Title  string     `json:"title"`
	Unit   string     `json:"unit"` // count, people or cents (of USD)
	Values []nameJSON `json:"values"`
	URL    string     `json:"url"`
}

type nameJSON struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// stretchJSON is the period and app that a response covers. From and To are extended to whole steps.
type stretchJSON struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"` // exclusive
	App  string    `json:"app,omitempty"`
}

// seriesJSON is a metric over time, or one page of it.
type seriesJSON struct {
	stretchJSON
	Metric string      `json:"metric"`
	Unit   string      `json:"unit"`
	Step   string      `json:"step"`
	Points []pointJSON `json:"points"`
	Next   string      `json:"next,omitempty"` // the URL of the next page
}

type pointJSON struct {
	From    time.Time        `json:"from"`
	Values  map[string]int64 `json:"values"`
	Partial bool             `json:"partial,omitempty"` // its bucket has not ended yet
}

// apiMetrics handles GET /api/v1/metrics: lists the metrics that apiMetric can return.
func (a *App) apiMetrics(c echo.Context) error {
	all := []metricJSON{}
	for _, p := range panels {
		if p.lines == nil {
			continue
		}
		m := metricJSON{Name: p.key, Title: p.title, Unit: p.unit.name, URL: a.Estate.URL(Service) + "/api/v1/metrics/" + p.key}
		for _, l := range p.lines {
			m.Values = append(m.Values, nameJSON{Name: l.key, Title: l.name})
		}
		all = append(all, m)
	}
	return sendJSON(c, map[string]any{"metrics": all})
}

// apiMetric handles GET /api/v1/metrics/<name>?range=…|from=…&to=…&step=…&app=…&limit=<1 to 1000>: sends one page of
// the metric's values, oldest first, and the URL of the next page. It queries only the requested page. It returns 404
// for an unknown metric and 400 for invalid parameters.
func (a *App) apiMetric(c echo.Context) error {
	p, known := findPanel(c.Param("metric"))
	if !known || p.lines == nil {
		return web.NotFound("This metric")
	}
	q, limit, err := a.apiQuery(c.QueryParams(), defaultPoints, maxPoints)
	if err != nil {
		return err
	}
	page, next := q.period.Head(limit)
	f := &figures{period: page, now: a.Now().UTC(), starts: page.Buckets()}
	span := store.Span{From: page.From, To: page.To, App: q.app, Raw: page.Raw()}
	group, ctx := errgroup.WithContext(c.Request().Context())
	group.Go(func() (err error) { f.cells, err = a.store.Series(ctx, span, page.Step, page.Offset()); return })
	group.Go(func() (err error) { f.people, err = a.store.People(ctx, span, page.Step, page.Offset()); return })
	if err := group.Wait(); err != nil {
		return err
	}
	out := seriesJSON{
		stretchJSON: stretchJSON{From: page.From, To: page.To, App: q.app},
		Metric:      p.key, Unit: p.unit.name, Step: page.StepName(), Points: p.points(f),
	}
	if !next.IsZero() {
		out.Next = a.Estate.URL(Service) + q.urlWith("/api/v1/metrics/"+p.key,
			period.Range, "", period.From, next.Format(time.RFC3339), period.To, q.period.To.Format(time.RFC3339),
			period.Step, page.StepName(), "limit", strconv.Itoa(limit), "live", "")
	}
	return sendJSON(c, out)
}

// points returns the values of all lines of p for each bucket.
func (p panel) points(f *figures) []pointJSON {
	all := p.values(f)
	points := make([]pointJSON, len(f.starts))
	for i, t := range f.starts {
		points[i] = pointJSON{From: t, Values: make(map[string]int64, len(all)), Partial: f.now.Before(t.Add(f.period.Step))}
		for n, l := range p.lines {
			points[i].Values[l.key] = all[n][i]
		}
	}
	return points
}

// sellerJSON is one product of the ranking.
type sellerJSON struct {
	Rank     int    `json:"rank"`
	Product  string `json:"product"` // the shop's slug
	Name     string `json:"name"`
	Pieces   int64  `json:"pieces"`
	Cents    int64  `json:"revenue_cents"`
	Currency string `json:"currency"` // ISO 4217
}

// apiBestSellers handles GET /api/v1/best-sellers?range=…|from=…&to=…&app=…&limit=<1 to 100>: ranks products by units
// sold. It returns 400 for invalid parameters.
func (a *App) apiBestSellers(c echo.Context) error {
	q, limit, err := a.apiQuery(c.QueryParams(), maxSellers, maxRanking)
	if err != nil {
		return err
	}
	p := q.period
	sold, err := a.store.Sellers(c.Request().Context(), store.Span{From: p.From, To: p.To, App: q.app, Raw: p.Raw()}, limit)
	if err != nil {
		return err
	}
	products := make([]sellerJSON, len(sold))
	for i, s := range sold {
		products[i] = sellerJSON{Rank: i + 1, Product: s.Product, Name: s.Name, Pieces: s.Quantity, Cents: s.Cents, Currency: "USD"}
	}
	return sendJSON(c, struct {
		stretchJSON
		Products []sellerJSON `json:"products"`
	}{stretchJSON{From: p.From, To: p.To, App: q.app}, products})
}

// apiQuery reads a query and the page size from params. few is the default page size and most the maximum. It returns a
// 400 invalid_request error if a parameter is invalid.
func (a *App) apiQuery(params url.Values, few, most int) (query, int, error) {
	if slices.ContainsFunc([]string{"app", "limit"}, func(name string) bool { return len(params[name]) > 1 }) {
		return query{}, 0, web.BadRequest("app and limit may each be given at most once.")
	}
	limit, err := web.QueryLimit(params, few, most)
	if err != nil {
		return query{}, 0, err
	}
	q, err := a.parseQuery(params, period.ParseStep)
	if e, ok := queryFault(err); ok {
		return q, 0, web.BadRequest(e.Message)
	}
	return q, limit, err
}

// sendJSON sends v as JSON and forbids caches to store it.
func sendJSON(c echo.Context, v any) error {
	c.Response().Header().Set("Cache-Control", "private, no-store")
	return c.JSON(http.StatusOK, v)
}

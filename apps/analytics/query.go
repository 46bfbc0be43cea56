package analytics

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
)

// query is the period and app that a request asks for.
type query struct {
	period period.Period
	app    string          // "" for all
	paused bool            // without live refresh
	hidden map[string]bool // kinds of marks
	params url.Values
}

// readQuery reads the parameters of the dashboard and of exports. An invalid parameter gives a [period.Error], whose
// field may also be "app".
func (a *App) readQuery(params url.Values) (query, error) { return a.parseQuery(params, period.Parse) }

// pageQuery reads what readQuery does, for a page of the browser that sent the request: with its time zone.
func (a *App) pageQuery(c echo.Context, params url.Values) (query, error) {
	q, err := a.readQuery(params)
	q.period.Zone = zoneOf(c)
	return q, err
}

func (a *App) parseQuery(params url.Values, parse func(url.Values, time.Time, period.Limits) (period.Period, error)) (query, error) {
	q := query{params: params, app: params.Get("app"), paused: params.Get("live") == "off"}
	if q.app != "" && (!fact.NamePattern.MatchString(q.app) || len(params["app"]) > 1) {
		q.app = ""
		return q, &period.Error{Field: "app", Message: "Choose an app from the list."}
	}
	q.hidden = hiddenMarks(params)
	p, err := parse(params, a.Now(), period.Limits{Raw: a.Retention.Raw})
	q.period = p
	return q, err
}

// urlWith returns path with q's parameters, changed by pairs of names and values. An empty value removes the parameter.
func (q query) urlWith(path string, changes ...string) string {
	keep := url.Values{}
	for _, name := range []string{period.Range, period.From, period.To, period.Zone, "app", "live", hideParam} {
		if v := q.params.Get(name); v != "" {
			keep.Set(name, v)
		}
	}
	for pair := range slices.Chunk(changes, 2) {
		keep.Del(pair[0])
		if pair[1] != "" {
			keep.Set(pair[0], pair[1])
		}
	}
	if len(keep) == 0 {
		return path
	}
	return path + "?" + keep.Encode()
}

// queryFault returns the [period.Error] in err, whose message may be shown to the user, and whether there is one.
func queryFault(err error) (*period.Error, bool) {
	e := (*period.Error)(nil)
	return e, errors.As(err, &e)
}

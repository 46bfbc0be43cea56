package analytics

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/web"
)

// eventsPageSize is the number of events on a page of the list.
const eventsPageSize = 50

// eventsView is the data of the list of the events that a panel counts in a bucket.
type eventsView struct {
	shell    components.Shell
	title    string
	lead     string
	zone     *time.Location
	events   []eventRow
	pages    components.Pages
	overview string // address of the dashboard
	expired  int    // days after which events are deleted, if the list may lack some
}

// eventRow is one event as shown in the list.
type eventRow struct {
	at           time.Time
	name, app    string
	person       string
	amount, data string
	fields       []eventField
}

// eventsURL returns the address of the list of the events that a panel counts from from to to, for one app or, if app
// is "", for all.
func eventsURL(panel, app string, from, to time.Time) string {
	q := url.Values{period.From: {period.FieldText(from)}, period.To: {period.FieldText(to)}}
	if app != "" {
		q.Set("app", app)
	}
	return "/events/" + panel + "?" + q.Encode()
}

// eventsPage handles GET /events/:panel?from=…&to=…&app=…: lists the events that the panel counts in that time, newest
// first, in pages of eventsPageSize. The parameters before and after are cursors.
func (a *App) eventsPage(c echo.Context) error {
	p, known := findList(c.Param("panel"))
	if !known {
		return web.NotFound("This list")
	}
	params := c.QueryParams()
	from, to, err := period.ParseSpan(params)
	if e, ok := queryFault(err); ok {
		return web.Invalid(e.Message)
	}
	app := params.Get("app")
	if app != "" && !fact.NamePattern.MatchString(app) {
		return web.Invalid("Choose an app from the list.")
	}
	find := store.EventFilter{From: from, To: to, App: app, Types: p.types}
	if find.Before, err = readCursor(params.Get("before")); err != nil {
		return err
	}
	if find.After, err = readCursor(params.Get("after")); err != nil {
		return err
	}
	found, err := a.store.Events(c.Request().Context(), find, eventsPageSize)
	if err != nil {
		return err
	}
	v := eventsView{title: p.title, lead: spanText(from, to, zoneOf(c)), zone: zoneOf(c)}
	if app != "" {
		v.lead += " · " + cmp.Or(a.Estate.Name(app), app)
	}
	for _, e := range found.Events {
		v.events = append(v.events, a.eventRow(e))
	}
	v.pages = eventPages(found, eventsURL(p.key, app, from, to))
	v.overview = "/?" + url.Values{period.From: {params.Get(period.From)}, period.To: {params.Get(period.To)}}.Encode()
	if a.Now().Sub(from) > a.Retention.Raw {
		v.expired = int(a.Retention.Raw / period.Day)
	}
	if v.shell, err = a.shell(c, p.title); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, v.page())
}

// readCursor reads a position in the list, "milliseconds-id", or nil from an empty text. It returns a 422 error for
// other text.
func readCursor(text string) (*store.Position, error) {
	if text == "" {
		return nil, nil
	}
	ms, id, _ := strings.Cut(text, "-")
	at, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || !fact.ValidID(id) {
		return nil, web.Invalid("This page of the list doesn't exist. Start again from the chart.")
	}
	return &store.Position{At: at, ID: id}, nil
}

func cursorText(e store.Event) string { return strconv.FormatInt(e.HappenedAt, 10) + "-" + e.ID }

// eventPages returns the links to the newer and older events of a list.
func eventPages(found store.EventPage, list string) components.Pages {
	p := components.Pages{Label: "Pages of events"}
	if n := len(found.Events); n > 0 {
		if found.Newer {
			p.PrevURL = list + "&after=" + url.QueryEscape(cursorText(found.Events[0]))
		}
		if found.Older {
			p.NextURL = list + "&before=" + url.QueryEscape(cursorText(found.Events[n-1]))
		}
	}
	return p
}

// spanText returns a time span as text: whole days in UTC, and other times in a zone.
func spanText(from, to time.Time, zone *time.Location) string {
	const day, minute = "2 Jan 2006", "2 Jan 2006, 15:04"
	last := to.Add(-time.Millisecond)
	if from.Equal(period.Floor(from, period.Day)) && to.Equal(period.Floor(to, period.Day)) {
		if to.Sub(from) == period.Day {
			return from.Format(day) + ", UTC"
		}
		return from.Format(day) + " – " + last.Format(day) + ", UTC"
	}
	from, to, last = from.In(zone), to.In(zone), last.In(zone)
	if from.Format(day) == last.Format(day) {
		return from.Format(minute) + " – " + to.Format("15:04 ") + period.ZoneText(to)
	}
	return from.Format(minute) + " – " + to.Format(minute+" ") + period.ZoneText(to)
}

// eventNames are the names of events by type, or by type and variant.
var eventNames = map[string]string{
	events.SignIn + fact.Password: "Sign-in with password", events.SignIn + fact.SSO: "Single sign-on",
	events.SignOut + fact.Session: "Sign-out", events.SignOut + fact.Everywhere: "Sign-out everywhere",
	events.Registered: "New account", events.UserBanned: "Ban", events.CartStarted: "Cart started", events.OrderPlaced: "Order",
	events.OrderCancelled + fact.Cancelled: "Order cancelled", events.OrderCancelled + fact.Returned: "Order returned",
	events.ThreadCreated: "Thread", events.PostCreated: "Reply",
	events.VoteCast + fact.Given: "Vote", events.VoteCast + fact.TakenBack: "Vote taken back",
}

func (a *App) eventRow(e store.Event) eventRow {
	row := eventRow{
		at: db.Time(e.HappenedAt), name: cmp.Or(eventNames[e.Type+e.Variant], e.Type),
		app: cmp.Or(a.Estate.Name(e.App), e.App), person: e.Subject, data: truncate(e.Data), fields: eventFields(e.Data),
	}
	if e.Cents != 0 {
		row.amount = moneyCell(e.Cents).show
	}
	return row
}

package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const auditPath = "/admin/audit"

// auditQuery holds the parameters of the audit page.
type auditQuery struct {
	Actor, Action, Kind, Target string
	From, To                    string // days in UTC, inclusive
	Older, Newer                int64
	Faults                      map[string]string
}

type auditView struct {
	frame
	Query auditQuery
	Saved filtersView
	Rows  []auditRow
	Pages components.Pages
}

type auditRow struct {
	Seq               int64
	At                time.Time
	Actor, ActorURL   string
	Action, Kind      string
	Target, TargetURL string
	IP, RequestID     string
	Detail            string
}

func readAuditQuery(c echo.Context) (auditQuery, error) {
	for _, name := range []string{"actor", "target", "action", "kind"} {
		if _, err := web.Text(c, name, maxSearch); err != nil {
			return auditQuery{}, err
		}
	}
	return parseAuditQuery(c.QueryParams()), nil
}

// parseAuditQuery returns the query of params, without values that are invalid.
func parseAuditQuery(params url.Values) auditQuery {
	q := auditQuery{Actor: searchText(params, "actor"), Target: searchText(params, "target"), Action: params.Get("action"), Kind: params.Get("kind")}
	if actionLabels.text(q.Action) == q.Action {
		q.Action = ""
	}
	if !slices.ContainsFunc(kinds, func(k components.Option) bool { return k.Value == q.Kind }) {
		q.Kind = ""
	}
	q.Faults = map[string]string{}
	for name, into := range map[string]*string{"from": &q.From, "to": &q.To} {
		if *into = strings.TrimSpace(params.Get(name)); *into == "" {
			continue
		}
		if day, err := time.ParseInLocation(time.DateOnly, *into, time.UTC); err != nil || day.Year() < 1970 || day.Year() > 9998 {
			*into, q.Faults[name] = "", "Enter a valid date."
		}
	}
	q.Older, q.Newer = rowNumber(params.Get("older")), rowNumber(params.Get("newer"))
	if q.Older > 0 {
		q.Newer = 0
	}
	return q
}

// filter returns the query that q is saved as, "" if it filters nothing.
func (q auditQuery) filter() string { return queryOf(q.url(auditPath, 0, 0)) }

func (q auditQuery) filtered() bool {
	return q.Actor+q.Action+q.Kind+q.Target+q.From+q.To != ""
}

func (q auditQuery) url(path string, older, newer int64) string {
	number := func(n int64) string { return strings.TrimPrefix(strconv.FormatInt(n, 10), "0") } // "" for none
	return pageURL(path, "actor", q.Actor, "action", q.Action, "kind", q.Kind, "target", q.Target, "from", q.From, "to", q.To,
		"older", number(older), "newer", number(newer))
}

// storeQuery returns the store's query for q. It replaces emails by the ids of their users.
func (a *Console) storeQuery(ctx context.Context, q auditQuery) (r store.AuditQuery, err error) {
	r = store.AuditQuery{Action: q.Action, TargetKind: q.Kind, Older: q.Older, Newer: q.Newer, Limit: perPage}
	if r.ActorID, err = a.userIDOf(ctx, q.Actor); err != nil {
		return r, err
	}
	if r.TargetID, err = a.userIDOf(ctx, q.Target); err != nil {
		return r, err
	}
	if q.From != "" {
		r.From, _ = time.ParseInLocation(time.DateOnly, q.From, time.UTC) // readAuditQuery has validated it
	}
	if q.To != "" {
		day, _ := time.ParseInLocation(time.DateOnly, q.To, time.UTC)
		r.To = day.AddDate(0, 0, 1)
	}
	return r, nil
}

// userIDOf returns the id of the user with the typed email, or the text itself if it is not the email of a user.
func (a *Console) userIDOf(ctx context.Context, typed string) (string, error) {
	_, email, err := account.NormaliseEmail(typed)
	if err != nil {
		return typed, nil
	}
	u, err := a.Store.UserByEmail(ctx, email)
	if errors.Is(err, store.ErrNotFound) {
		return typed, nil
	}
	return u.ID, err
}

// auditPage handles GET /admin/audit.
func (a *Console) auditPage(c echo.Context, me Admin) error {
	q, err := readAuditQuery(c)
	if err != nil {
		return err
	}
	return a.showAudit(c, me, http.StatusOK, q, filtersView{})
}

func (a *Console) showAudit(c echo.Context, me Admin, status int, q auditQuery, saved filtersView) error {
	if err := a.loadFilters(c, me, auditFilters, q.filter(), &saved); err != nil {
		return err
	}
	query, err := a.storeQuery(c.Request().Context(), q)
	if err != nil {
		return err
	}
	rows, more, err := a.Store.AuditRows(c.Request().Context(), query)
	if err != nil {
		return err
	}
	if len(rows) == 0 && (q.Older > 0 || q.Newer > 0) {
		return web.RedirectHX(c, q.url(auditPath, 0, 0))
	}
	view := auditView{
		frame: a.frame(c, "Audit", "Who did what, to whom and from where. Entries can't be changed or removed.", "audit"),
		Query: q, Saved: saved, Rows: auditRowsOf(rows), Pages: components.Pages{Label: "Audit"},
	}
	view.Head.Actions = auditDownload(q.url(auditPath+".csv", 0, 0))
	if len(rows) > 0 {
		if q.Newer > 0 && more || q.Older > 0 {
			view.Pages.PrevURL = q.url(auditPath, 0, rows[0].Seq)
		}
		if q.Newer > 0 || more {
			view.Pages.NextURL = q.url(auditPath, rows[len(rows)-1].Seq, 0)
		}
	}
	return web.Render(c, status, auditListPage(view), auditList(view))
}

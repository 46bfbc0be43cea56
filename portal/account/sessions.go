package account

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/mileusna/useragent"

	"gatehouse.example/components"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// perPage is the number of sign-ins on a page.
const perPage = 10

// listPeriod is how long a sign-in is listed after it was last seen: the lifetime of a refresh token. After that,
// none of its credentials is valid.
const listPeriod = 30 * 24 * time.Hour

type sessionsView struct {
	Shell  components.Shell
	Items  []sessionItem
	Total  int
	Page   int
	Pages  components.Pages
	Others bool // there are sign-ins besides this one

	Activity activity
}

type sessionItem struct {
	EndPath  string
	Browser  string // "Firefox on Linux"
	Icon     string
	Address  string
	SignedIn time.Time
	Seen     time.Time
	Apps     []string
	Current  bool
}

// SessionList handles GET /sessions. page counts from 1.
func (p *Pages) SessionList(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		view, err := p.loadSessions(c, v)
		if err != nil {
			return err
		}
		if view.Activity, err = p.loadActivity(c, v); err != nil {
			return err
		}
		return web.Render(c, http.StatusOK, sessionsPage(view))
	})
}

func (p *Pages) loadSessions(c echo.Context, v *visitor) (sessionsView, error) {
	ctx := c.Request().Context()
	since := p.Now().Add(-listPeriod)
	page := web.Int(c, "page", 1, 1, 1_000_000)
	rows, total, err := p.Store.SignInsOf(ctx, v.user.ID, v.signIn.SID, since, perPage, (page-1)*perPage)
	if err != nil {
		return sessionsView{}, err
	}
	last := max(1, (total+perPage-1)/perPage)
	if page > last { // the last page became empty, or the page number was made up
		page = last
		if rows, total, err = p.Store.SignInsOf(ctx, v.user.ID, v.signIn.SID, since, perPage, (page-1)*perPage); err != nil {
			return sessionsView{}, err
		}
	}
	view := sessionsView{Shell: web.Shell(c, "My sessions"), Total: total, Page: page, Others: total > 1}
	names := p.appNames()
	for _, in := range rows {
		view.Items = append(view.Items, sessionItemOf(in, in.SID == v.signIn.SID, names))
	}
	view.Pages = components.Pages{
		Page: page, Total: last, Label: "Sign-ins", URL: func(n int) string { return fmt.Sprintf("/sessions?page=%d", n) },
	}
	return view, nil
}

func sessionItemOf(in store.SignIn, current bool, names map[string]string) sessionItem {
	it := sessionItem{
		EndPath: "/sessions/" + url.PathEscape(in.SID) + "/end", Address: in.IP,
		SignedIn: in.CreatedAt, Seen: in.LastSeenAt, Current: current,
	}
	it.Browser, it.Icon = DescribeDevice(in.UserAgent)
	for _, id := range in.Clients {
		it.Apps = append(it.Apps, cmp.Or(names[id], id))
	}
	return it
}

// appNames returns the names of the estate's apps by client_id.
func (p *Pages) appNames() map[string]string {
	names := map[string]string{}
	for _, app := range p.Estate.AppsFor([]string{"admin", "analyst", "moderator", "customer"}) {
		names[app.Key] = app.Name
	}
	return names
}

// DescribeDevice returns the names of the browser and of the operating system in a User-Agent, and an icon for the kind
// of device.
func DescribeDevice(userAgent string) (name, icon string) {
	ua := useragent.Parse(userAgent)
	icon = "monitor" // icons: monitor smartphone tablet terminal
	switch {
	case ua.Tablet:
		icon = "tablet"
	case ua.Mobile:
		icon = "smartphone"
	case ua.Bot, ua.OS == "":
		icon = "terminal"
	}
	switch {
	case ua.Name != "" && ua.OS != "":
		return ua.Name + " on " + ua.OS, icon
	case ua.Name != "":
		return ua.Name, icon
	case ua.OS != "":
		return "Browser on " + ua.OS, icon
	}
	return "Unknown browser", icon
}

// EndSession handles POST /sessions/:sid/end: it ends one of the user's own sign-ins. It answers 404 if the sign-in
// does not exist or is another user's. Ending a sign-in that has ended is no error.
func (p *Pages) EndSession(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		ctx := c.Request().Context()
		sid := c.Param("sid")
		if sid == v.signIn.SID {
			return p.SignOut(c)
		}
		owner, _, err := p.Store.UserAndSignIn(ctx, cleanHeader(sid, 64))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || owner.ID != v.user.ID {
			return web.NotFound("This session")
		}
		if err := revoke.Confirmed(p.Revoker.Revoke(ctx, revoke.Request{SID: sid, Reason: revoke.Elsewhere})); err != nil {
			return asUnavailable(err)
		}
		const done = "That device has been signed out."
		if !web.WantsFragment(c) {
			web.Flash(c, "success", done)
			return web.SeeOther(c, "/sessions")
		}
		view, err := p.loadSessions(c, v)
		if err != nil {
			return err
		}
		return web.Render(c, http.StatusOK, sessionsPage(view), sessionList(view), components.ToastOOB(components.Toast{Kind: "success", Message: done}))
	})
}

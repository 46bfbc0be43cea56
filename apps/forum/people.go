package forum

import (
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// author returns the signed-in user as an author, with the name of the ID token. It may only be used on routes that
// require a sign-in.
func author(c echo.Context) store.Author {
	p := rp.From(c.Request())
	name := p.Name
	if name == "" {
		name = "Member"
	}
	return store.Author{Sub: p.Subject, Name: name}
}

// isModerator reports whether the user is a moderator.
func isModerator(c echo.Context) bool { return rp.From(c.Request()).HasRole("moderator", "admin") }

// maxReportCount is the highest number of open reports that the header shows.
const maxReportCount = 99

// shell returns the page shell. path is the page's path, to which forms and sign-in return; on a response to a POST,
// the caller passes the path of the page that has the form.
func (a *App) shell(c echo.Context, title, path string) components.Shell {
	s := web.Shell(c, title)
	if path != "" {
		s.Path = path
	}
	s.Search = &components.Search{Action: "/search", Name: "q", Placeholder: "Search the forum"}
	ctx := c.Request().Context()
	if sub := apps.Subject(c); sub != "" {
		if unread, err := a.store.Unread(ctx, sub); err != nil {
			a.Logger.WarnContext(ctx, "cannot count the unread notifications", "error", err)
		} else if s.Unread != unread[sub] { // the copy that headers show is not current
			s.Unread = unread[sub]
			a.inboxes.Changed(sub)
		}
		news, err := a.store.FollowedNews(ctx, sub)
		if err != nil {
			a.Logger.WarnContext(ctx, "cannot count the followed threads with new replies", "error", err)
		}
		s.Nav = append(s.Nav, components.NavItem{Label: "My posts", URL: "/mine", Icon: "message-square-text", Current: path == "/mine"},
			components.NavItem{Label: "Following", URL: "/following", Icon: "bell", Count: news, Current: path == "/following"})
	}
	if isModerator(c) {
		open, err := a.store.OpenReports(ctx, maxReportCount)
		if err != nil {
			a.Logger.WarnContext(ctx, "cannot count the open reports", "error", err)
		}
		s.Nav = append(s.Nav, components.NavItem{Label: "Moderation", URL: "/moderation/reports", Icon: "shield", Count: open,
			Current: path == "/moderation" || path == "/moderation/reports"})
	}
	return s
}

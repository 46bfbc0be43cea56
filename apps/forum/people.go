package forum

import (
	"github.com/labstack/echo/v4"

	"gatehouse/apps/forum/store"
	"gatehouse/components"
	"gatehouse/sso/rp"
	"gatehouse/web"
)

// author is who writes, as the ID token told. Only for routes behind Required.
func author(c echo.Context) store.Author {
	p := rp.Person(c)
	name := p.Name
	if name == "" {
		name = "Member"
	}
	return store.Author{Sub: p.Subject, Name: name}
}

// subject is the sub of who reads, "" for a guest.
func subject(c echo.Context) string {
	if p := rp.Person(c); p != nil {
		return p.Subject
	}
	return ""
}

// moderates reports whether the reader is a moderator.
func moderates(c echo.Context) bool { return rp.Person(c).HasRole("moderator", "admin") }

// shell is the frame of a forum page. path is the page's address for links that
// come back to it; an answer to a POST has none of its own.
func shell(c echo.Context, title, path string) components.Shell {
	s := web.Shell(c, title)
	if path != "" {
		s.Path = path
	}
	s.Search = &components.Search{Action: "/search", Name: "q", Placeholder: "Search the forum"}
	if rp.Person(c) != nil {
		s.Nav = append(s.Nav, components.NavItem{Label: "My posts", URL: "/mine", Icon: "message-square-text", Current: path == "/mine"})
	}
	if moderates(c) {
		s.Nav = append(s.Nav, components.NavItem{Label: "Moderation", URL: "/moderation", Icon: "shield", Current: path == "/moderation"})
	}
	return s
}

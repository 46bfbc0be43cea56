package admin

import (
	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/web"
)

// sections are the console's own navigation, by the key that a page gives to layout.
var sections = []struct{ key, label, icon, url string }{
	{"overview", "Overview", "layout-dashboard", "/admin"},
	{"people", "People", "users", "/admin/people"},
	{"sign-ins", "Sign-ins", "log-in", "/admin/sign-ins"},
	{"servers", "Servers", "server", "/admin/servers"},
	{"denylist", "Denylist", "shield-ban", "/admin/denylist"},
	{"deliveries", "Deliveries", "send", "/admin/deliveries"},
	{"clients", "Clients", "app-window", "/admin/clients"},
	{"keys", "Keys", "key-round", "/admin/keys"},
	{"audit", "Audit", "scroll-text", "/admin/audit"},
} // icons: layout-dashboard users log-in server shield-ban send app-window key-round scroll-text

// shell is what surrounds a page of the console: title is the page's, section the key of the link that is current.
func (a *Console) shell(c echo.Context, title, section string) components.Shell {
	s := web.Shell(c, title)
	for i := range s.Nav {
		s.Nav[i].Current = s.Nav[i].URL == Path
	}
	return s
}

// Path is where the console begins.
const Path = "/admin"

// frame is the part of a page's view that layout draws.
type frame struct {
	Shell   components.Shell
	Section string // key of sections
	Head    components.PageHeadView
}

// frame surrounds a page titled so, in a section, below crumbs between the section and the page.
func (a *Console) frame(c echo.Context, title, lead, section string, crumbs ...components.NavItem) frame {
	all := []components.NavItem{{Label: "Admin", URL: Path}}
	all = append(append(all, crumbs...), components.NavItem{Label: title})
	return frame{
		Shell: a.shell(c, title, section), Section: section,
		Head: components.PageHeadView{Title: title, Lead: lead, Crumbs: all},
	}
}

// items are the links of the console's navigation.
func items(current string) []components.NavItem {
	list := make([]components.NavItem, len(sections))
	for i, s := range sections {
		list[i] = components.NavItem{Label: s.label, URL: s.url, Icon: s.icon, Current: s.key == current}
	}
	return list
}

// NavItem is the link of the portal's header, for those with the role.
func NavItem(roles []string) []components.NavItem {
	for _, r := range roles {
		if r == role {
			return []components.NavItem{{Label: "Admin", URL: Path, Icon: "shield"}}
		}
	}
	return nil
}

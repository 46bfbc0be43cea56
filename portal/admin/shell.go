package admin

import (
	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/web"
)

// sections are the links of the console's navigation, by the key that a page passes to layout.
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

// shell returns the page frame for a page of the console.
func (a *Console) shell(c echo.Context, title, section string) components.Shell {
	s := web.Shell(c, title)
	for i := range s.Nav {
		s.Nav[i].Current = s.Nav[i].URL == Path
	}
	return s
}

// Path is the path of the console's first page.
const Path = "/admin"

// frame is the part of a page's view that layout renders.
type frame struct {
	Shell   components.Shell
	Section string // a key of sections
	Head    components.PageHeadView
}

// frame returns the frame of a page with a title and a lead, in a section. crumbs are between the first breadcrumb
// and the page.
func (a *Console) frame(c echo.Context, title, lead, section string, crumbs ...components.NavItem) frame {
	all := []components.NavItem{{Label: "Admin", URL: Path}}
	all = append(append(all, crumbs...), components.NavItem{Label: title})
	return frame{
		Shell: a.shell(c, title, section), Section: section,
		Head: components.PageHeadView{Title: title, Lead: lead, Crumbs: all},
	}
}

// items returns the links of the console's navigation. current is the key of the current section.
func items(current string) []components.NavItem {
	list := make([]components.NavItem, len(sections))
	for i, s := range sections {
		list[i] = components.NavItem{Label: s.label, URL: s.url, Icon: s.icon, Current: s.key == current}
	}
	return list
}

// NavItem returns the portal header's link to the console, for users with the role admin.
func NavItem(roles []string) []components.NavItem {
	for _, r := range roles {
		if r == role {
			return []components.NavItem{{Label: "Admin", URL: Path, Icon: "shield"}}
		}
	}
	return nil
}

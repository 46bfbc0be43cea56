package admin

import (
	"slices"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// sections are the links of the console's navigation, by the key that a page passes to layout.
var sections = []struct{ key, label, icon, url string }{
	{"overview", "Overview", "layout-dashboard", "/admin"},
	{"health", "Health", "activity", healthPath},
	{"people", "People", "users", "/admin/people"},
	{"sign-ins", "Sign-ins", "log-in", "/admin/sign-ins"},
	{"servers", "Servers", "server", "/admin/servers"},
	{"denylist", "Denylist", "shield-ban", "/admin/denylist"},
	{"deliveries", "Deliveries", "send", "/admin/deliveries"},
	{"clients", "Clients", "app-window", "/admin/clients"},
	{"keys", "Keys", "key-round", "/admin/keys"},
	{"audit", "Audit", "scroll-text", "/admin/audit"},
} // icons: layout-dashboard activity users log-in server shield-ban send app-window key-round scroll-text

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
	shell := web.Shell(c, title)
	for i := range shell.Nav {
		shell.Nav[i].Current = shell.Nav[i].URL == Path
	}
	return frame{Shell: shell, Section: section, Head: components.PageHeadView{Title: title, Lead: lead, Crumbs: all}}
}

// userFrame returns the frame of a page below the page of a user.
func (a *Console) userFrame(c echo.Context, u store.User, title, lead string) frame {
	return a.frame(c, title, lead, "people", components.NavItem{Label: "People", URL: peoplePath}, components.NavItem{Label: u.Name, URL: personURL(u.ID)})
}

// clientFrame returns the frame of a page below the page of a client.
func (a *Console) clientFrame(c echo.Context, name, id, title string) frame {
	return a.frame(c, title, "", "clients", components.NavItem{Label: "Clients", URL: clientsPath}, components.NavItem{Label: name, URL: clientURL(id)})
}

// navItems returns the links of the console's navigation. current is the key of the current section.
func navItems(current string) []components.NavItem {
	list := make([]components.NavItem, len(sections))
	for i, s := range sections {
		list[i] = components.NavItem{Label: s.label, URL: s.url, Icon: s.icon, Current: s.key == current}
	}
	return list
}

// NavItem returns the portal header's link to the console, for users with the role admin.
func NavItem(roles []string) []components.NavItem {
	if !slices.Contains(roles, adminRole) {
		return nil
	}
	return []components.NavItem{{Label: "Admin", URL: Path, Icon: "shield"}}
}

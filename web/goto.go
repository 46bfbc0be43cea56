package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
)

// GoToPath is the path of the page that leads to every page of the estate. Every service has it, and its script shows
// it as a dialog (Ctrl-K).
const GoToPath = "/go"

// maxGoToQuery is the maximum length of what is typed there, in characters.
const maxGoToQuery = 100

// Page is a page or an action of a service that people can go to from everywhere.
type Page struct {
	Label    string
	Path     string   // with SearchFor, the words that were typed are appended to it, escaped
	Words    string   // other words by which it is found
	Roles    []string // that may open it; none means all
	SignedIn bool     // only for signed-in users
	Guest    bool     // only for guests
	// SearchFor says what the page finds, such as "products". It is offered for words that were typed.
	SearchFor string
}

// goTo renders the links to the pages that the user may open, and for htmx only the list.
func (s *server) goTo(c echo.Context) error {
	query, err := Text(c, "q", maxGoToQuery)
	if err != nil {
		return err
	}
	shell := Shell(c, "Go to")
	view := components.GoToView{Query: query, MaxLength: maxGoToQuery}
	view.Groups, view.Searches = s.Estate.destinations(shell.Person, query)
	if i := slices.IndexFunc(view.Groups, func(g components.GoToGroup) bool { return g.App.Key == s.Service }); i > 0 { // first
		own := view.Groups[i]
		view.Groups = slices.Insert(slices.Delete(view.Groups, i, i+1), 0, own)
	}
	return Render(c, http.StatusOK, components.GoTo(shell, view), components.GoToList(view))
}

// destinations returns the pages of all services that a person, or a guest if nil, may open and that the query finds,
// and the searches for it. A page matches if each word of the query is part of its label, its other words or the name
// of its service.
func (e Estate) destinations(p *components.Person, query string) (groups []components.GoToGroup, searches []components.NavItem) {
	var roles []string
	if p != nil {
		roles = p.Roles
	}
	words := strings.Fields(strings.ToLower(query))
	for _, app := range e.apps {
		if !mayOpen(app.Roles, roles) {
			continue
		}
		group := components.GoToGroup{App: e.appView(app)}
		for _, page := range app.Pages {
			if !mayOpen(page.Roles, roles) || (page.SignedIn && p == nil) || (page.Guest && p != nil) {
				continue
			}
			at := e.URL(app.Key) + page.Path
			switch text := strings.ToLower(app.Name + " " + page.Label + " " + page.Words); {
			case page.SearchFor != "" && query != "":
				searches = append(searches, components.NavItem{
					Label: "Search " + page.SearchFor + " for “" + query + "”", URL: at + url.QueryEscape(query),
				})
			case page.SearchFor == "" && containsAll(text, words):
				group.Links = append(group.Links, components.NavItem{Label: page.Label, URL: at})
			}
		}
		if len(group.Links) > 0 {
			groups = append(groups, group)
		}
	}
	return groups, searches
}

func containsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// mayOpen reports whether one of roles is among those that are needed, or none is needed.
func mayOpen(needed, roles []string) bool {
	return len(needed) == 0 || slices.ContainsFunc(needed, func(role string) bool { return slices.Contains(roles, role) })
}

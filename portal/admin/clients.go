package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const clientsPath = "/admin/clients"

type clientsView struct {
	frame
	Search string
	Rows   []clientRow
	Pages  components.Pages
	None   bool // there are no clients at all
}

// clientRow is a client in a list, and in the heading of its pages.
type clientRow struct {
	ID, Name, URL              string
	Uses                       string // what it is for, in a few words
	Public, Declared, Disabled bool
}

func clientRowOf(c clients.Client) clientRow {
	return clientRow{
		ID: c.ID, Name: c.Name, URL: clientURL(c.ID), Uses: usesOf(c),
		Public: c.AuthMethod == clients.Public, Declared: c.Declared, Disabled: c.Disabled,
	}
}

// usesOf returns in a few words what a client may do.
func usesOf(c clients.Client) string {
	people, itself := c.Allows(clients.AuthorizationCode), c.Allows(clients.ClientCredentials)
	switch {
	case people && itself:
		return "Signs people in and acts on its own behalf"
	case people:
		return "Signs people in"
	case itself:
		return "Acts on its own behalf"
	}
	return "No grants"
}

// clientURL returns the path of a client's page, escaped: an id may contain any printable ASCII character.
func clientURL(id string, below ...string) string {
	return strings.Join(append([]string{clientsPath, url.PathEscape(id)}, below...), "/")
}

// listClients handles GET /admin/clients. Parameters: q searches; after and before are the ids at the edge of a
// page.
func (a *Console) listClients(c echo.Context, _ Admin) error {
	search, err := web.Text(c, "q", maxSearch)
	if err != nil {
		return err
	}
	at := readCursors(c.QueryParams(), isClientID)
	view := clientsView{Search: search}
	page, pages, err := loadPage("Clients", at, func(at cursors) ([]clients.Client, bool, error) {
		return a.Clients.Page(c.Request().Context(), store.ClientQuery{Search: search, Limit: perPage, After: at.After, Before: at.Before})
	}, func(client clients.Client) string { return client.ID }, func(params ...string) string {
		return pageURL(clientsPath, append(params, "q", search)...)
	})
	if err != nil {
		return err
	}
	view.Pages = pages
	for _, client := range page {
		view.Rows = append(view.Rows, clientRowOf(client))
	}
	view.None = len(page) == 0 && search == "" && at.After == ""
	view.frame = a.frame(c, "Clients", "Apps and programs that can use this portal.", "clients")
	view.Head.Actions = newClientButton()
	return web.Render(c, http.StatusOK, clientsPage(view), clientList(view))
}

type clientView struct {
	frame
	clientRow
	Client clients.Client
	Sample clientSample
}

// showClient handles GET /admin/clients/:client.
func (a *Console) showClient(c echo.Context, _ Admin) error {
	client, err := a.loadClient(c)
	if err != nil {
		return err
	}
	view := clientView{clientRow: clientRowOf(client), Client: client, Sample: a.sampleOf(client, "")}
	view.frame = a.frame(c, client.Name, "", "clients", components.NavItem{Label: "Clients", URL: clientsPath})
	view.Head.Actions = clientActions(view)
	return web.Render(c, http.StatusOK, clientPage(view))
}

// isClientID reports whether text may be the id of a client (package clients).
func isClientID(text string) bool {
	return text != "" && len(text) <= 200 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// loadClient returns the client that the path names, or a 404 error.
func (a *Console) loadClient(c echo.Context) (clients.Client, error) {
	id := param(c, "client")
	if !isClientID(id) {
		return clients.Client{}, web.NotFound("This client")
	}
	client, err := a.Clients.Load(c.Request().Context(), id)
	if errors.Is(err, clients.ErrNotFound) {
		return client, web.NotFound("This client")
	}
	return client, err
}

// param returns the unescaped value of a route parameter: Echo returns it escaped if the path contains escapes.
func param(c echo.Context, name string) string {
	value := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return value
	}
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

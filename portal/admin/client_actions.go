package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// secretView shows a client secret once: only this response contains it, no URL and no cookie does.
type secretView struct {
	frame
	clientRow
	Secret string
	What   string // created, changed or rotated
	Sample clientSample
}

// showSecret answers a POST with the page that shows the secret, or redirects with a message if the client has none.
func (a *Console) showSecret(c echo.Context, client clients.Client, secret, what string) error {
	if secret == "" {
		return web.RedirectWithFlash(c, "success", client.Name+" was created. It's a public client, so it has no secret.", clientURL(client.ID))
	}
	view := secretView{clientRow: clientRowOf(client), Secret: secret, What: what, Sample: a.sampleOf(client, secret)}
	view.frame = a.clientFrame(c, client.Name, client.ID, "Secret for "+client.Name)
	return web.Render(c, http.StatusOK, secretPage(view))
}

// clientQuestionView is a page that asks for confirmation before a client is changed.
type clientQuestionView struct {
	frame
	clientRow
	Version string
	Action  string
}

// clientQuestion returns the view of a confirmation page for the client that the path names. title has a placeholder
// for the client's name.
func (a *Console) clientQuestion(c echo.Context, title, act string) (clientQuestionView, clients.Client, error) {
	client, err := a.loadClient(c)
	if err != nil {
		return clientQuestionView{}, client, err
	}
	view := clientQuestionView{clientRow: clientRowOf(client), Version: strconv.FormatInt(client.Version, 10), Action: clientURL(client.ID, act)}
	view.frame = a.clientFrame(c, client.Name, client.ID, fmt.Sprintf(title, client.Name))
	return view, client, nil
}

// rotateSecretForm handles GET /admin/clients/:client/secret.
func (a *Console) rotateSecretForm(c echo.Context, _ Admin) error {
	view, client, err := a.clientQuestion(c, "Create a new secret for %s?", "secret")
	switch {
	case err != nil:
		return err
	case client.Declared:
		return web.RedirectWithFlash(c, "info", "This client's secret is set in the configuration. Change it there.", clientURL(client.ID))
	case view.Public:
		return web.RedirectWithFlash(c, "info", "A public client has no secret.", clientURL(client.ID))
	}
	return web.Render(c, http.StatusOK, askSecretPage(view))
}

// rotateSecret handles POST /admin/clients/:client/secret: it shows the new secret.
func (a *Console) rotateSecret(c echo.Context, me Admin) error {
	known, err := a.loadClient(c)
	if err != nil {
		return err
	}
	id := known.ID
	version, _ := strconv.ParseInt(c.FormValue("version"), 10, 64)
	client, secret, err := a.Clients.RotateSecret(c.Request().Context(), id, version, func(_, after clients.Client) store.Change {
		return a.audit(c, me, "client.secret_rotated", "client", after.ID, after.Name, nil)
	})
	switch {
	case errors.Is(err, clients.ErrNotFound):
		return web.NotFound("This client")
	case errors.Is(err, clients.ErrDeclared):
		return web.RedirectWithFlash(c, "info", "This client's secret is set in the configuration. Change it there.", clientURL(id))
	case errors.Is(err, clients.ErrChanged):
		return web.RedirectWithFlash(c, "info", "No secret was created, because the client has changed since you opened this page, perhaps by a double click. "+
			"If you don't have the latest secret, create another.", clientURL(id, "secret"))
	case len(clients.FaultsOf(err)) > 0:
		return web.RedirectWithFlash(c, "info", "A public client has no secret.", clientURL(id))
	case err != nil:
		return err
	}
	return a.showSecret(c, client, secret, "rotated")
}

// disableClientForm handles GET /admin/clients/:client/disable.
func (a *Console) disableClientForm(c echo.Context, _ Admin) error {
	view, client, err := a.clientQuestion(c, "Disable %s?", "disable")
	switch {
	case err != nil:
		return err
	case client.Disabled:
		return web.RedirectWithFlash(c, "info", client.Name+" is already disabled.", clientURL(client.ID))
	}
	return web.Render(c, http.StatusOK, askDisablePage(view))
}

// enableClientForm handles GET /admin/clients/:client/enable.
func (a *Console) enableClientForm(c echo.Context, _ Admin) error {
	view, client, err := a.clientQuestion(c, "Enable %s?", "enable")
	switch {
	case err != nil:
		return err
	case !client.Disabled:
		return web.RedirectWithFlash(c, "info", client.Name+" is already enabled.", clientURL(client.ID))
	}
	return web.Render(c, http.StatusOK, askEnablePage(view))
}

// disableClient handles POST /admin/clients/:client/disable.
func (a *Console) disableClient(c echo.Context, me Admin) error {
	return a.setClientDisabled(c, me, true, "disabled")
}

// enableClient handles POST /admin/clients/:client/enable.
func (a *Console) enableClient(c echo.Context, me Admin) error {
	return a.setClientDisabled(c, me, false, "enabled")
}

func (a *Console) setClientDisabled(c echo.Context, me Admin, disabled bool, outcome string) error {
	known, err := a.loadClient(c)
	if err != nil {
		return err
	}
	client, err := a.Clients.SetDisabled(c.Request().Context(), known.ID, disabled, func(_, after clients.Client) store.Change {
		return a.audit(c, me, "client."+outcome, "client", after.ID, after.Name, nil)
	})
	switch {
	case errors.Is(err, clients.ErrNotFound):
		return web.NotFound("This client")
	case errors.Is(err, clients.ErrChanged):
		return web.RedirectWithFlash(c, "info", client.Name+" was already "+outcome+".", clientURL(client.ID))
	case err != nil:
		return err
	}
	return web.RedirectWithFlash(c, "success", client.Name+" was "+outcome+". This takes effect on every server within five seconds.", clientURL(client.ID))
}

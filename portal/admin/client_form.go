package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// clientForm holds the fields of the client form as typed, valid or not, so that they can be shown again.
type clientForm struct {
	ID, Name, Redirect, PostLogout, Backchannel, Method, Scopes, Audiences string

	Grants  []string
	Version int64
}

// formFields are the form's fields in order, by the names that package clients gives them.
var formFields = []string{
	"client_id", "client_name", "redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri", "token_endpoint_auth_method",
	"client_secret", "grant_types", "scopes", "audiences",
}

func clientFormOf(c clients.Client) clientForm {
	return clientForm{
		ID: c.ID, Name: c.Name, Redirect: strings.Join(c.RedirectURIs, "\n"), PostLogout: strings.Join(c.PostLogoutRedirectURIs, "\n"),
		Backchannel: c.BackchannelLogoutURI, Method: c.AuthMethod, Scopes: strings.Join(c.Scopes, " "),
		Audiences: strings.Join(c.Audiences, "\n"), Grants: c.GrantTypes, Version: c.Version,
	}
}

// readClientForm reads the posted fields without validating them: errors are shown beside the fields.
func readClientForm(sent url.Values) clientForm {
	text := func(name string) string { return strings.TrimSpace(strings.ToValidUTF8(sent.Get(name), "\uFFFD")) }
	f := clientForm{
		ID: text("client_id"), Name: text("client_name"), Redirect: text("redirect_uris"), PostLogout: text("post_logout_redirect_uris"),
		Backchannel: text("backchannel_logout_uri"), Method: text("token_endpoint_auth_method"), Scopes: text("scopes"), Audiences: text("audiences"),
		Grants: sent["grant_types"],
	}
	f.Version, _ = strconv.ParseInt(sent.Get("version"), 10, 64)
	return f
}

// toClient returns the client that the form declares. Repeated entries count once.
func (f clientForm) toClient() clients.Client {
	return clients.Client{
		ID: f.ID, Name: f.Name, RedirectURIs: distinctWords(f.Redirect), PostLogoutRedirectURIs: distinctWords(f.PostLogout),
		BackchannelLogoutURI: f.Backchannel, AuthMethod: f.Method, GrantTypes: f.Grants, Scopes: distinctWords(f.Scopes),
		Audiences: distinctWords(f.Audiences), Version: f.Version,
	}
}

// distinctWords returns the distinct words of text: no entry of a client's lists contains white space.
func distinctWords(text string) []string {
	var list []string
	for _, word := range strings.Fields(text) {
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	return list
}

// faultsOf returns the form's validation messages for err, by field.
func (f clientForm) faultsOf(err error) map[string]string {
	faults := clients.FaultsOf(err)
	if len(f.Grants) == 0 {
		faults["grant_types"] = "Choose at least one option."
	}
	return faults
}

type clientFormView struct {
	frame
	clientForm
	New    bool
	Action string
	Back   string // where Cancel leads
	Faults map[string]string
	Stored map[string]string // current values of fields that another administrator changed; nil if none
	Plain  bool              // addresses may be without TLS
}

// summary returns the validation messages in the order of the form.
func (v clientFormView) summary() []components.FieldError {
	var list []components.FieldError
	for _, name := range formFields {
		if v.Faults[name] != "" {
			list = append(list, components.FieldError{Field: name, Message: fieldNames[name] + ": " + v.Faults[name]})
		}
	}
	return list
}

// hint returns a field's hint, followed by the currently stored value if another administrator changed it.
func (v clientFormView) hint(name, hint string) string {
	now, changed := v.Stored[name]
	if !changed {
		return hint
	}
	if now == "" {
		now = "nothing"
	}
	return strings.TrimSpace(hint + " Current value: " + strings.Join(strings.Fields(now), " "))
}

var fieldNames = map[string]string{
	"client_id": "Client ID", "client_name": "Name", "redirect_uris": "Redirect addresses", "post_logout_redirect_uris": "After sign-out",
	"backchannel_logout_uri": "Back-channel logout", "token_endpoint_auth_method": "Authentication", "client_secret": "Secret",
	"grant_types": "Grants", "scopes": "Scopes", "audiences": "Audiences",
}

// changedFields returns the stored values of the fields in which stored differs from typed.
func changedFields(typed, stored clientForm) map[string]string {
	changed, current := map[string]string{}, stored.texts()
	for name, text := range typed.texts() {
		if !slices.Equal(strings.Fields(text), strings.Fields(current[name])) {
			changed[name] = current[name]
		}
	}
	return changed
}

// newClient handles GET /admin/clients/new.
func (a *Console) newClient(c echo.Context, _ Admin) error {
	f := clientForm{Method: clients.SecretBasic, Grants: []string{clients.AuthorizationCode, clients.RefreshToken}, Scopes: "openid profile email"}
	if typed := a.takeDraft(c); typed != nil {
		f = readClientForm(typed)
	}
	return a.showClientForm(c, http.StatusOK, clientFormView{clientForm: f, New: true})
}

// createClient handles POST /admin/clients/new: it shows the secret.
func (a *Console) createClient(c echo.Context, me Admin) error {
	f, err := a.sentClientForm(c)
	if err != nil {
		return err
	}
	view := clientFormView{clientForm: f, New: true}
	if len(f.Grants) == 0 { // an empty list would mean the default grants
		_, err := f.toClient().Prepare(a.plainHTTP())
		view.Faults = f.faultsOf(err)
		delete(view.Faults, "client_secret")
		return a.showClientForm(c, http.StatusUnprocessableEntity, view)
	}
	client, secret, err := a.Clients.Create(c.Request().Context(), f.toClient(), func(_, after clients.Client) store.Change {
		return a.audit(c, me, "client.created", "client", after.ID, after.Name, clientDetail(clients.Client{}, after))
	})
	switch view.Faults = f.faultsOf(err); {
	case errors.Is(err, clients.ErrTaken):
		view.Faults["client_id"] = "A client with this ID already exists. If you just sent this form twice, open that client and create a new secret."
		return a.showClientForm(c, http.StatusConflict, view)
	case len(view.Faults) > 0:
		return a.showClientForm(c, http.StatusUnprocessableEntity, view)
	case err != nil:
		return err
	}
	return a.showSecret(c, client, secret, "created")
}

// editClientForm handles GET /admin/clients/:client/edit.
func (a *Console) editClientForm(c echo.Context, _ Admin) error {
	client, err := a.loadClient(c)
	if err != nil {
		return err
	}
	if client.Declared {
		return web.RedirectWithFlash(c, "info", "This client is set in the configuration. Change it there.", clientURL(client.ID))
	}
	f := clientFormOf(client)
	if typed := a.takeDraft(c); typed != nil {
		f = readClientForm(typed)
	}
	f.ID = client.ID
	return a.showClientForm(c, http.StatusOK, clientFormView{clientForm: f})
}

// editClient handles POST /admin/clients/:client/edit.
func (a *Console) editClient(c echo.Context, me Admin) error {
	f, err := a.sentClientForm(c)
	if err != nil {
		return err
	}
	known, err := a.loadClient(c)
	if err != nil {
		return err
	}
	f.ID = known.ID
	view := clientFormView{clientForm: f}
	if len(f.Grants) == 0 {
		view.Faults = f.faultsOf(nil)
		return a.showClientForm(c, http.StatusUnprocessableEntity, view)
	}
	client, secret, err := a.Clients.Edit(c.Request().Context(), f.toClient(), func(before, after clients.Client) store.Change {
		return a.audit(c, me, "client.changed", "client", after.ID, after.Name, clientDetail(before, after))
	})
	switch view.Faults = f.faultsOf(err); {
	case errors.Is(err, clients.ErrNotFound):
		return web.NotFound("This client")
	case errors.Is(err, clients.ErrDeclared):
		return web.RedirectWithFlash(c, "info", "This client is set in the configuration. Change it there.", clientURL(f.ID))
	case errors.Is(err, clients.ErrChanged):
		now, err := a.loadClient(c)
		if err != nil {
			return err
		}
		view.Stored, view.Version = changedFields(f, clientFormOf(now)), now.Version
		return a.showClientForm(c, http.StatusConflict, view)
	case len(view.Faults) > 0:
		return a.showClientForm(c, http.StatusUnprocessableEntity, view)
	case err != nil:
		return err
	}
	if secret != "" {
		return a.showSecret(c, client, secret, "changed")
	}
	return web.RedirectWithFlash(c, "success", client.Name+" was changed. This takes effect on every server within five seconds.", clientURL(client.ID))
}

// sentClientForm reads the form from the body, ignoring the URL's query.
func (a *Console) sentClientForm(c echo.Context) (clientForm, error) {
	if err := c.Request().ParseForm(); err != nil {
		return clientForm{}, web.Fail(http.StatusBadRequest, "bad_form", "We couldn't read the form. Go back, reload the page and try again.").WithCause(err)
	}
	return readClientForm(c.Request().PostForm), nil
}

func (a *Console) showClientForm(c echo.Context, status int, view clientFormView) error {
	view.Plain = a.plainHTTP()
	if view.New {
		view.Action, view.Back = clientsPath+"/new", clientsPath
		view.frame = a.frame(c, "New client", "An app or program that can use this portal.", "clients",
			components.NavItem{Label: "Clients", URL: clientsPath})
	} else {
		view.Action, view.Back = clientURL(view.ID, "edit"), clientURL(view.ID)
		view.frame = a.clientFrame(c, view.ID, view.ID, "Edit "+view.ID)
	}
	return web.Render(c, status, clientFormPage(view))
}

func (a *Console) plainHTTP() bool { return !a.Estate.Secure() }

// clientDetail returns the audit detail of a change: each field that changed. It never contains a secret.
func clientDetail(before, after clients.Client) map[string]any {
	detail := map[string]any{}
	is := clientFormOf(after)
	now := is.texts()
	for name, old := range changedFields(is, clientFormOf(before)) {
		detail[name] = map[string]any{"from": old, "to": now[name]}
	}
	if before.SecretSHA256 != after.SecretSHA256 {
		detail["client_secret"] = "a new one"
		if after.SecretSHA256 == "" {
			detail["client_secret"] = "removed"
		}
	}
	return detail
}

// texts returns the fields that may change, as typed, by name.
func (f clientForm) texts() map[string]string {
	return map[string]string{
		"client_name": f.Name, "redirect_uris": f.Redirect, "post_logout_redirect_uris": f.PostLogout, "backchannel_logout_uri": f.Backchannel,
		"token_endpoint_auth_method": f.Method, "scopes": f.Scopes, "audiences": f.Audiences, "grant_types": strings.Join(f.Grants, " "),
	}
}

package admin

import (
	"errors"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/account"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// Deps are the dependencies of the console. All are required.
type Deps struct {
	Store   *store.Store
	Revoker *revoke.Service
	Pages   *account.Pages // identify the user of a request
	Log     Denylist
	Clients *clients.Registry
	Keys    *keys.Manager
	Estate  web.Estate
	Now     func() time.Time
	Logger  *slog.Logger
}

// Console serves the administrators' console.
type Console struct {
	Deps
	figures figures
}

// New returns a console, or an error if a dependency is missing.
func New(d Deps) (*Console, error) {
	if d.Store == nil || d.Revoker == nil || d.Pages == nil || d.Log == nil || d.Clients == nil || d.Keys == nil || d.Estate.IsZero() ||
		d.Now == nil || d.Logger == nil {
		return nil, errors.New("admin: a dependency is missing")
	}
	return &Console{Deps: d}, nil
}

// Routes registers the endpoints of the console. The first argument of action is the path of the page with the form.
func (a *Console) Routes(e *echo.Echo) {
	e.GET("/admin", a.page(a.overview))
	e.GET("/admin/health", a.page(a.health))

	e.GET("/admin/people", a.page(a.people))
	e.GET("/admin/people/bulk", a.form(a.bulkForm))
	e.POST("/admin/people/bulk", a.actionFrom(currentPage, a.bulk))
	e.POST("/admin/filters", a.filterAction(a.saveFilter))
	e.POST("/admin/filters/delete", a.filterAction(a.deleteFilter))
	e.GET("/admin/people/:id", a.page(a.person))
	e.GET("/admin/people/:id/ban", a.form(a.banForm))
	e.POST("/admin/people/:id/ban", a.action("/admin/people/:id/ban", a.ban))
	e.GET("/admin/people/:id/unban", a.form(a.unbanForm))
	e.POST("/admin/people/:id/unban", a.action("/admin/people/:id/unban", a.unban))
	e.POST("/admin/people/:id/unban/undo", a.action("/admin/people/:id", a.undoUnban))
	e.GET("/admin/people/:id/roles", a.form(a.rolesForm))
	e.POST("/admin/people/:id/roles", a.action("/admin/people/:id/roles", a.setRoles))
	e.GET("/admin/people/:id/end", a.form(a.endSignInsForm))
	e.POST("/admin/people/:id/end", a.action("/admin/people/:id/end", a.endSignIns))
	e.POST("/admin/people/:id/sign-ins/:sid/end", a.action("/admin/people/:id", a.endUserSignIn))
	e.GET("/admin/receipts/:ending", a.page(a.receipt))
	e.GET("/admin/audit", a.page(a.auditPage))
	e.GET("/admin/audit.csv", a.page(a.auditCSV))

	e.GET("/admin/sign-ins", a.page(a.signIns))
	e.GET("/admin/sign-ins/failed", a.page(a.failedSignIns))
	e.POST("/admin/sign-ins/:sid/end", a.action("/admin/sign-ins", a.endSignIn))
	e.GET("/admin/servers", a.page(a.servers))
	e.GET("/admin/denylist", a.page(a.denylist))
	e.GET("/admin/deliveries", a.page(a.deliveries))
	e.POST("/admin/deliveries/:id/again", a.action("/admin/deliveries", a.resend))
	e.POST("/admin/deliveries/clients/:client/again", a.action("/admin/deliveries", a.resendAll))

	e.GET("/admin/clients", a.page(a.listClients))
	e.GET("/admin/clients/new", a.form(a.newClient))
	e.POST("/admin/clients/new", a.action("/admin/clients/new", a.createClient))
	e.GET("/admin/clients/:client", a.page(a.showClient))
	e.GET("/admin/clients/:client/edit", a.form(a.editClientForm))
	e.POST("/admin/clients/:client/edit", a.action("/admin/clients/:client/edit", a.editClient))
	e.GET("/admin/clients/:client/secret", a.form(a.rotateSecretForm))
	e.POST("/admin/clients/:client/secret", a.action("/admin/clients/:client/secret", a.rotateSecret))
	e.GET("/admin/clients/:client/disable", a.form(a.disableClientForm))
	e.POST("/admin/clients/:client/disable", a.action("/admin/clients/:client/disable", a.disableClient))
	e.GET("/admin/clients/:client/enable", a.form(a.enableClientForm))
	e.POST("/admin/clients/:client/enable", a.action("/admin/clients/:client/enable", a.enableClient))

	e.GET("/admin/keys", a.page(a.listKeys))
	e.POST("/admin/keys/rotate", a.action("/admin/keys", a.rotateKey))
	e.GET("/admin/keys/:kid/activate", a.form(a.activateKeyForm))
	e.POST("/admin/keys/:kid/activate", a.action("/admin/keys/:kid/activate", a.activateKey))
	e.GET("/admin/keys/:kid/withdraw", a.form(a.withdrawKeyForm))
	e.POST("/admin/keys/:kid/withdraw", a.action("/admin/keys/:kid/withdraw", a.withdrawKey))
}

package admin

import (
	"errors"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/clients"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/web"
)

// Visitors identifies the user of a request (package account).
type Visitors interface {
	// Visitor returns the signed-in user as stored in the database, and the sign-in; ok is false for a guest.
	Visitor(c echo.Context) (u store.User, in store.SignIn, ok bool, err error)
}

// Deps are the dependencies of the console. All are required.
type Deps struct {
	Store    *store.Store
	Revoker  *revoke.Service
	Visitors Visitors
	Log      Denylist
	Clients  *clients.Registry
	Keys     Keys
	Estate   web.Estate
	Now      func() time.Time
	Logger   *slog.Logger
}

// Console serves the administrators' console.
type Console struct {
	Deps
	figures figures
}

// New returns a console, or an error if a dependency is missing.
func New(d Deps) (*Console, error) {
	switch {
	case d.Store == nil:
		return nil, errors.New("admin: Store is nil")
	case d.Revoker == nil:
		return nil, errors.New("admin: Revoker is nil")
	case d.Visitors == nil:
		return nil, errors.New("admin: Visitors is nil")
	case d.Log == nil:
		return nil, errors.New("admin: Log is nil")
	case d.Clients == nil:
		return nil, errors.New("admin: Clients is nil")
	case d.Keys == nil:
		return nil, errors.New("admin: Keys is nil")
	case d.Estate.IsZero():
		return nil, errors.New("admin: Estate is empty")
	case d.Now == nil:
		return nil, errors.New("admin: Now is nil")
	case d.Logger == nil:
		return nil, errors.New("admin: Logger is nil")
	}
	return &Console{Deps: d}, nil
}

// Routes registers the endpoints of the console. The second argument of act is the path of the page with the form.
func (a *Console) Routes(e *echo.Echo) {
	e.GET("/admin", a.view(a.overview))

	e.GET("/admin/people", a.view(a.people))
	e.GET("/admin/people/:id", a.view(a.person))
	e.GET("/admin/people/:id/ban", a.form(a.banForm))
	e.POST("/admin/people/:id/ban", a.act("/admin/people/:id/ban", a.ban))
	e.GET("/admin/people/:id/unban", a.form(a.unbanForm))
	e.POST("/admin/people/:id/unban", a.act("/admin/people/:id/unban", a.unban))
	e.GET("/admin/people/:id/roles", a.form(a.rolesForm))
	e.POST("/admin/people/:id/roles", a.act("/admin/people/:id/roles", a.setRoles))
	e.GET("/admin/people/:id/end", a.form(a.endAllForm))
	e.POST("/admin/people/:id/end", a.act("/admin/people/:id/end", a.endAll))
	e.POST("/admin/people/:id/sign-ins/:sid/end", a.act("/admin/people/:id", a.endOne))
	e.GET("/admin/receipts/:ending", a.view(a.receipt))
	e.GET("/admin/audit", a.view(a.auditPage))
	e.GET("/admin/audit.csv", a.view(a.auditCSV))

	e.GET("/admin/sign-ins", a.view(a.signIns))
	e.POST("/admin/sign-ins/:sid/end", a.act("/admin/sign-ins", a.endSignIn))
	e.GET("/admin/servers", a.view(a.servers))
	e.GET("/admin/denylist", a.view(a.denylist))
	e.GET("/admin/deliveries", a.view(a.deliveries))
	e.POST("/admin/deliveries/:id/again", a.act("/admin/deliveries", a.sendAgain))
	e.POST("/admin/deliveries/clients/:client/again", a.act("/admin/deliveries", a.sendAllAgain))

	e.GET("/admin/clients", a.view(a.listClients))
	e.GET("/admin/clients/new", a.form(a.newClient))
	e.POST("/admin/clients/new", a.act("/admin/clients/new", a.createClient))
	e.GET("/admin/clients/:client", a.view(a.showClient))
	e.GET("/admin/clients/:client/edit", a.form(a.editClientForm))
	e.POST("/admin/clients/:client/edit", a.act("/admin/clients/:client/edit", a.editClient))
	e.GET("/admin/clients/:client/secret", a.form(a.askSecret))
	e.POST("/admin/clients/:client/secret", a.act("/admin/clients/:client/secret", a.rotateSecret))
	e.GET("/admin/clients/:client/disable", a.form(a.askDisable))
	e.POST("/admin/clients/:client/disable", a.act("/admin/clients/:client/disable", a.disableClient))
	e.GET("/admin/clients/:client/enable", a.form(a.askEnable))
	e.POST("/admin/clients/:client/enable", a.act("/admin/clients/:client/enable", a.enableClient))

	e.GET("/admin/keys", a.view(a.listKeys))
	e.POST("/admin/keys/rotate", a.act("/admin/keys", a.rotateKey))
	e.GET("/admin/keys/:kid/activate", a.form(a.askActivate))
	e.POST("/admin/keys/:kid/activate", a.act("/admin/keys/:kid/activate", a.activateKey))
	e.GET("/admin/keys/:kid/withdraw", a.form(a.askWithdraw))
	e.POST("/admin/keys/:kid/withdraw", a.act("/admin/keys/:kid/withdraw", a.withdrawKey))
}

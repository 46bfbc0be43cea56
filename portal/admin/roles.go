package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

type rolesView struct {
	frame
	User    store.User
	Checked []string
	Others  []string // roles that the console does not know; they are kept
	Self    bool
	Fault   string
}

// rolesForm handles GET /admin/people/:id/roles.
func (a *Console) rolesForm(c echo.Context, me Admin) error {
	u, err := a.loadUndeletedUser(c)
	if err != nil {
		return err
	}
	view := rolesView{User: u, Checked: u.Roles, Self: u.ID == me.ID}
	if typed := a.takeDraft(c); typed != nil {
		view.Checked = typed["role"]
	}
	return a.showRoles(c, http.StatusOK, view)
}

func (a *Console) showRoles(c echo.Context, status int, view rolesView) error {
	view.Others = unknownRoles(view.User.Roles)
	view.frame = a.userFrame(c, view.User, "Roles of "+view.User.Name, "What this person can do in every app.")
	return web.Render(c, status, rolesPage(view))
}

func unknownRoles(roles []string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return slices.Contains(store.Roles, r) })
}

// setRoles handles POST /admin/people/:id/roles with the fields role, any number of them, and had: the roles that
// the form showed, so that concurrent changes do not overwrite each other.
func (a *Console) setRoles(c echo.Context, me Admin) error {
	u, err := a.loadUndeletedUser(c)
	if err != nil {
		return err
	}
	form := c.Request().PostForm
	roles := unknownRoles(u.Roles)
	for _, r := range store.Roles {
		if slices.Contains(form["role"], r) {
			roles = append(roles, r)
		}
	}
	had := strings.Fields(form.Get("had"))
	view := rolesView{User: u, Checked: roles, Self: u.ID == me.ID}
	done, err := a.Revoker.Revoke(c.Request().Context(), revoke.Request{
		UserID: u.ID, Reason: revoke.RolesChanged, By: me.ID,
		With: []store.Change{
			store.SetRoles(u.ID, had, roles, a.Now()),
			a.audit(c, me, actRoles, kindPerson, u.ID, u.Email, map[string]any{"from": had, "to": roles}),
		},
	})
	switch {
	case errors.Is(err, store.ErrSameRoles):
		return web.RedirectWithFlash(c, "info", u.Name+" already has these roles.", personURL(u.ID))
	case errors.Is(err, store.ErrStale):
		view.Fault = "Someone else has changed the roles. Check the current roles below and save again."
		if view.User, err = a.loadUndeletedUser(c); err != nil {
			return err
		}
		view.Checked = view.User.Roles
		return a.showRoles(c, http.StatusConflict, view)
	case errors.Is(err, store.ErrLastAdmin):
		view.Fault = u.Name + " is the only administrator who can sign in. Make someone else an administrator first."
		return a.showRoles(c, http.StatusConflict, view)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This person")
	case err != nil:
		return err
	}
	return web.RedirectHX(c, receiptURL(done.ID))
}

package account

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

type signOutView struct {
	Shell  components.Shell
	Person *components.Person // nil on the page that confirms the sign-out
}

// SignOutForm handles GET /sign-out: it asks for confirmation, since a link must not sign the user out.
func (p *Pages) SignOutForm(c echo.Context) error {
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	if v == nil {
		return web.RedirectHX(c, "/signed-out")
	}
	return web.Render(c, http.StatusOK, signOutPage(signOutView{Shell: web.Shell(c, "Sign out"), Person: headerPerson(v.user)}))
}

// SignOut handles POST /sign-out: it ends this browser's sign-in, at the portal and in every app. Signing out twice
// is no error.
func (p *Pages) SignOut(c echo.Context) error {
	all, err := p.Sessions.All(c.Request()) // several if the browser sends another session cookie as well
	if err != nil {
		return asUnavailable(err)
	}
	for _, rec := range all {
		if err := revoke.Confirmed(p.Revoker.Revoke(c.Request().Context(), revoke.Request{SID: rec.SID, Reason: revoke.ByPerson})); err != nil {
			return asUnavailable(err)
		}
	}
	return p.finishSignOut(c)
}

// SignOutEverywhere handles POST /sign-out/everywhere: it ends every sign-in of the user, including this one, and
// invalidates the device cookies of the account.
func (p *Pages) SignOutEverywhere(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		if err := revoke.Confirmed(p.Revoker.Revoke(c.Request().Context(), revoke.Request{
			UserID: v.user.ID, Reason: revoke.Everywhere, With: []store.Change{store.ForgetDevices(v.user.ID)},
		})); err != nil {
			return asUnavailable(err)
		}
		return p.finishSignOut(c)
	})
}

// finishSignOut deletes the session cookie and redirects to the page that confirms the sign-out.
func (p *Pages) finishSignOut(c echo.Context) error {
	if err := p.Sessions.End(c.Request().Context(), c.Response(), c.Request()); err != nil {
		return asUnavailable(err)
	}
	return web.RedirectHX(c, "/signed-out")
}

// SignedOut handles GET /signed-out.
func (p *Pages) SignedOut(c echo.Context) error {
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	if v != nil { // the address was typed or bookmarked
		return web.RedirectHX(c, "/")
	}
	view := signOutView{Shell: web.Shell(c, "You're signed out")}
	view.Shell.SignInURL = "/sign-in"
	return web.Render(c, http.StatusOK, signOutPage(view))
}

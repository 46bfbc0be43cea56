package admin

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/account"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

type endAllView struct {
	frame
	User  store.User
	Total int
	Self  bool
}

// endSignInsForm handles GET /admin/people/:id/end.
func (a *Console) endSignInsForm(c echo.Context, me Admin) error {
	u, err := a.loadUndeletedUser(c)
	if err != nil {
		return err
	}
	_, total, err := a.Store.SignInsOf(c.Request().Context(), u.ID, "", a.Now().Add(-activePeriod), 1, 0)
	if err != nil {
		return err
	}
	view := endAllView{User: u, Total: total, Self: u.ID == me.ID, frame: a.userFrame(c, u, "Sign out "+u.Name+" everywhere?", "")}
	return web.Render(c, http.StatusOK, endAllPage(view))
}

// endSignIns handles POST /admin/people/:id/end: it ends every sign-in of a user, except the administrator's own in
// this browser.
func (a *Console) endSignIns(c echo.Context, me Admin) error {
	u, err := a.loadUndeletedUser(c)
	if err != nil {
		return err
	}
	done, err := a.endAllSignIns(c, me, u)
	if errors.Is(err, store.ErrEnded) {
		return web.RedirectWithFlash(c, "info", u.Name+" isn't signed in anywhere else.", personURL(u.ID))
	}
	if err != nil {
		return err
	}
	return web.RedirectHX(c, receiptURL(done.ID))
}

// endAllSignIns ends every sign-in of u, except me in this browser. It returns an error that wraps store.ErrEnded if
// there is none.
func (a *Console) endAllSignIns(c echo.Context, me Admin, u store.User) (revoke.Receipt, error) {
	except := ""
	if u.ID == me.ID {
		except = me.SID
	}
	return a.Revoker.Revoke(c.Request().Context(), revoke.Request{
		UserID: u.ID, Except: except, Reason: revoke.EndedByAdmin, By: me.ID,
		With: []store.Change{store.IfSignedIn(u.ID, except), store.ForgetDevices(u.ID), a.audit(c, me, actEndedAll, kindPerson, u.ID, u.Email, nil)},
	})
}

// endUserSignIn handles POST /admin/people/:id/sign-ins/:sid/end: it ends one sign-in of that user.
func (a *Console) endUserSignIn(c echo.Context, me Admin) error {
	u, _, done, err := a.revokeSignIn(c, me, c.Param("id"))
	if errors.Is(err, store.ErrEnded) {
		return web.RedirectWithFlash(c, "info", "That session was already signed out.", personURL(u.ID))
	}
	if err != nil {
		return err
	}
	return web.RedirectHX(c, receiptURL(done.ID))
}

// revokeSignIn ends the sign-in that the path names, and returns its user and browser. It returns a 404 error if
// userID is given and the sign-in is not that user's, and an error that wraps store.ErrEnded if it had ended already.
func (a *Console) revokeSignIn(c echo.Context, me Admin, userID string) (u store.User, browser string, done revoke.Receipt, err error) {
	ctx, sid := c.Request().Context(), c.Param("sid")
	if !isID(sid) {
		return u, "", done, web.NotFound("This session")
	}
	u, in, err := a.Store.UserAndSignIn(ctx, sid)
	if errors.Is(err, store.ErrNotFound) || err == nil && userID != "" && u.ID != userID {
		return u, "", done, web.NotFound("This session")
	}
	if err != nil {
		return u, "", done, err
	}
	browser, _ = account.DescribeDevice(in.UserAgent)
	done, err = a.Revoker.Revoke(ctx, revoke.Request{
		SID: sid, Reason: revoke.EndedByAdmin, By: me.ID,
		With: []store.Change{
			store.IfSignInActive(u.ID, sid),
			a.audit(c, me, actEndedOne, kindPerson, u.ID, u.Email, map[string]any{"sign_in": sid, "browser": browser}),
		},
	})
	return u, browser, done, err
}

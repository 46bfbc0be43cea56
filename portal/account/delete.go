package account

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/attempts"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/web"
)

type deleteView struct {
	Shell  components.Shell
	Email  string
	Sure   bool // the confirmation was ticked
	Faults faults
}

// DeleteForm handles GET /profile/delete: it shows what deleting the account does, and asks for confirmation.
func (p *Pages) DeleteForm(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		return p.showDelete(c, http.StatusOK, deleteView{Email: v.user.Email, Faults: faults{}})
	})
}

func (p *Pages) showDelete(c echo.Context, status int, view deleteView) error {
	view.Shell = web.Shell(c, "Delete your account")
	return web.Render(c, status, deletePage(view))
}

// Delete handles POST /profile/delete with the fields password and sure: it deletes the account and ends all its
// sign-ins.
func (p *Pages) Delete(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		fields, err := postedAll(c, "password", "sure")
		if err != nil {
			return err
		}
		view := deleteView{Email: v.user.Email, Sure: fields[1] != "", Faults: faults{}}
		if fields[0] == "" {
			view.Faults["password"] = "Enter your password."
		}
		if !view.Sure {
			view.Faults["sure"] = "Tick this if you want to delete your account."
		}
		if len(view.Faults) > 0 {
			return p.showDelete(c, http.StatusUnprocessableEntity, view)
		}
		if err = p.confirm(c, v, fields[0]); err == nil {
			err = p.deleteAccount(c, v)
		}
		if err != nil {
			return p.refuseDelete(c, err, view)
		}
		web.Flash(c, "success", "Your account has been deleted, and you are signed out everywhere.")
		return leadOn(c, "/")
	})
}

func (p *Pages) deleteAccount(c echo.Context, v *visitor) error {
	ctx := c.Request().Context()
	done, err := p.Revoker.Revoke(ctx, revoke.Request{
		UserID: v.user.ID, Reason: revoke.AccountDeleted, By: v.user.ID,
		With: []store.Change{store.DeleteUser(v.user.ID, v.user.PasswordHash, p.Now())},
	})
	if err != nil {
		return err
	}
	p.Wake()
	if !done.Confirmed {
		return notEverywhere("Your account has been deleted. You are being signed out, and not every server knows it yet.")
	}
	return p.Sessions.End(ctx, c.Response(), c.Request())
}

func (p *Pages) refuseDelete(c echo.Context, err error, view deleteView) error {
	var exceeded *attempts.Exceeded
	switch {
	case errors.As(err, &exceeded):
		view.Faults[""] = tooMany(c, exceeded)
		return p.showDelete(c, http.StatusTooManyRequests, view)
	case errors.Is(err, errNoMatch), errors.Is(err, store.ErrStale):
		view.Faults["password"] = "That is not your password."
		return p.showDelete(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, store.ErrLastAdmin):
		view.Faults[""] = "You are the only administrator. Give somebody else the role first, so that this site is not left without one."
		return p.showDelete(c, http.StatusConflict, view)
	}
	return failed(err)
}

// notEverywhere returns a 503 that says that the change is done, but that not every replica has confirmed it since
// Redis is unavailable: replicas that do not hear from Redis refuse all sessions within a second.
func notEverywhere(done string) error {
	e := web.Fail(http.StatusServiceUnavailable, "unavailable", done+" That follows by itself within moments; there is nothing more to do.").
		WithTitle("Done, and not known everywhere yet")
	e.RetryAfter = 2 * time.Second
	return e
}

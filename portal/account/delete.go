package account

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

type deleteView struct {
	Shell  components.Shell
	Email  string
	Sure   bool // the confirmation was ticked
	Faults faults
}

// DeleteForm handles GET /profile/delete: it shows what deleting the account does, and asks for confirmation.
func (p *Pages) DeleteForm(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
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
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		fields, err := formValues(c, "password", "sure")
		if err != nil {
			return err
		}
		view := deleteView{Email: v.user.Email, Sure: fields[1] != "", Faults: faults{}}
		if fields[0] == "" {
			view.Faults["password"] = "Enter your password."
		}
		if !view.Sure {
			view.Faults["sure"] = "Tick this box to delete your account."
		}
		if len(view.Faults) > 0 {
			return p.showDelete(c, http.StatusUnprocessableEntity, view)
		}
		if err = p.checkPassword(c, v, fields[0]); err == nil {
			err = p.deleteAccount(c, v)
		}
		if err != nil {
			return p.showDeleteError(c, err, view)
		}
		return web.RedirectWithFlash(c, "success", "Your account has been deleted, and you're signed out everywhere.", "/")
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
	if !done.Confirmed {
		return unconfirmedError("Your account has been deleted. You're being signed out, but not every server has confirmed it yet.")
	}
	return p.Sessions.End(ctx, c.Response(), c.Request())
}

func (p *Pages) showDeleteError(c echo.Context, err error, view deleteView) error {
	var exceeded *ratelimit.Exceeded
	switch {
	case errors.As(err, &exceeded):
		view.Faults[""] = tooManyMessage(c, exceeded)
		return p.showDelete(c, http.StatusTooManyRequests, view)
	case errors.Is(err, errNoMatch), errors.Is(err, store.ErrStale):
		view.Faults["password"] = "Wrong password. Try again."
		return p.showDelete(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, store.ErrLastAdmin):
		view.Faults[""] = "You're the only administrator. Make someone else an administrator first."
		return p.showDelete(c, http.StatusConflict, view)
	}
	return asUnavailable(err)
}

// unconfirmedError returns a 503 that says that the change is done, but that not every replica has confirmed it since
// Redis is unavailable: replicas that do not hear from Redis refuse all sessions within a second.
func unconfirmedError(done string) error {
	e := web.Fail(http.StatusServiceUnavailable, "unavailable", done+" The others follow within moments. You don't need to do anything.").
		WithTitle("Done, but not on every server yet")
	e.RetryAfter = 2 * time.Second
	return e
}

package account

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

type profileView struct {
	Shell       components.Shell
	Name, Email string // values of the form fields
	User        store.User
	Faults      faults
}

// Profile handles GET /profile.
func (p *Pages) Profile(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error { return p.showProfile(c, http.StatusOK, p.profileViewOf(v)) })
}

func (p *Pages) profileViewOf(v *visitor) profileView {
	return profileView{Name: v.user.Name, Email: v.user.Email, User: v.user, Faults: faults{}}
}

func (p *Pages) showProfile(c echo.Context, status int, view profileView) error {
	view.Shell = web.Shell(c, "Profile")
	return web.Render(c, status, profilePage(view))
}

// SetName handles POST /profile/name with the field name.
func (p *Pages) SetName(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		typed, err := formValue(c, "name")
		if err != nil {
			return err
		}
		view := p.profileViewOf(v)
		view.Name = redisplay(typed, maxName)
		name, fault := checkName(typed)
		if fault != "" {
			view.Faults["name"] = fault
			return p.showProfile(c, http.StatusUnprocessableEntity, view)
		}
		err = p.Store.SetName(c.Request().Context(), v.user.ID, name, p.Now())
		if errors.Is(err, store.ErrNotFound) { // deleted concurrently
			return web.RedirectHX(c, "/sign-in")
		}
		if err != nil {
			return err
		}
		return p.finishChange(c, func(r *session.Record) { r.Name = name }, "Your name has been changed.")
	})
}

// SetEmail handles POST /profile/email with the fields email and email_password, the current password.
func (p *Pages) SetEmail(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		fields, err := formValues(c, "email", "email_password")
		if err != nil {
			return err
		}
		view := p.profileViewOf(v)
		view.Email = redisplay(fields[0], maxEmail)
		email, normalised, err := NormaliseEmail(fields[0])
		if err != nil {
			view.Faults["email"] = "Enter an email address, such as name@example.com."
		}
		if fields[1] == "" {
			view.Faults["email_password"] = "Enter your current password."
		}
		if len(view.Faults) > 0 {
			return p.showProfile(c, http.StatusUnprocessableEntity, view)
		}
		err = p.checkPassword(c, v, fields[1])
		if err == nil { // limited like a registration: the answer also reveals whether an account exists
			err = p.Limiter.CountRegistration(c.Request().Context(), web.ClientIP(c))
		}
		if err == nil {
			err = p.Store.SetEmail(c.Request().Context(), v.user.ID, v.user.PasswordHash, email, normalised, p.Now(),
				p.audit(c, store.EmailChanged, v.user.ID, v.user, map[string]any{"email": map[string]any{"from": v.user.Email, "to": email}}))
		}
		if errors.Is(err, store.ErrEmailTaken) {
			err = p.countEmailTaken(c)
		}
		if err != nil {
			return p.showProfileError(c, err, view, "email_password")
		}
		return p.finishChange(c, func(r *session.Record) { r.Email = email }, "Your email has been changed. Sign in with it from now on.")
	})
}

// SetPassword handles POST /profile/password with the fields current_password and new_password. It ends the user's
// other sign-ins, and gives this browser a new session id.
func (p *Pages) SetPassword(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		fields, err := formValues(c, "current_password", "new_password")
		if err != nil {
			return err
		}
		current, next := fields[0], fields[1]
		view := p.profileViewOf(v)
		if current == "" {
			view.Faults["current_password"] = "Enter your current password."
		}
		if fault := p.checkNewPassword(next, v.user.Email, v.user.Name); fault != "" {
			view.Faults["new_password"] = fault
		} else if current == next {
			view.Faults["new_password"] = "This is your current password. Choose a new one."
		}
		if len(view.Faults) > 0 {
			return p.showProfile(c, http.StatusUnprocessableEntity, view)
		}
		if err := p.changePassword(c, v, current, next); err != nil {
			return p.showProfileError(c, err, view, "current_password")
		}
		return web.RedirectWithFlash(c, "success", "Your password has been changed, and your other devices have been signed out.", "/profile")
	})
}

func (p *Pages) changePassword(c echo.Context, v *visitor, current, next string) error {
	ctx := c.Request().Context()
	if err := p.checkPassword(c, v, current); err != nil {
		return err
	}
	hash, err := p.Hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	// One transaction: either the password changes and the other sign-ins end, or neither happens. No sign-in with
	// the old password can begin after it.
	done, err := p.Revoker.Revoke(ctx, revoke.Request{
		UserID: v.user.ID, Except: v.signIn.SID, Reason: revoke.PasswordChanged, By: v.user.ID,
		With: []store.Change{
			store.ChangePassword(v.user.ID, v.user.PasswordHash, hash, p.Now()), p.audit(c, store.PasswordChanged, v.user.ID, v.user, nil),
		},
	})
	if err != nil {
		return err
	}
	if !done.Confirmed {
		return unconfirmedError("Your password has been changed. Your other devices are being signed out, but not every server has confirmed it yet.")
	}
	v.user.DeviceGeneration++ // as in the database; the device cookies of other browsers are invalid now
	p.setDeviceCookie(c, v.user)
	return p.renewSession(c, v)
}

// finishChange applies a change to the session too, so that the header of other pages shows it, and redirects to the
// profile with a message.
func (p *Pages) finishChange(c echo.Context, change func(*session.Record), message string) error {
	if err := p.Sessions.Update(c.Request(), change); err != nil {
		return asUnavailable(err)
	}
	return web.RedirectWithFlash(c, "success", message, "/profile")
}

// showProfileError shows the profile again with the message for err, or returns err if the form did not cause it. field
// is the one that holds the current password.
func (p *Pages) showProfileError(c echo.Context, err error, view profileView, field string) error {
	var exceeded *ratelimit.Exceeded
	switch {
	case errors.As(err, &exceeded):
		view.Faults[field] = tooManyMessage(c, exceeded)
		return p.showProfile(c, http.StatusTooManyRequests, view)
	case errors.Is(err, errNoMatch), errors.Is(err, store.ErrStale):
		view.Faults[field] = "Wrong password. Enter your current password."
		return p.showProfile(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, store.ErrEmailTaken):
		view.Faults["email"] = "Another account uses this email. Enter a different one."
		return p.showProfile(c, http.StatusConflict, view)
	}
	return asUnavailable(err)
}

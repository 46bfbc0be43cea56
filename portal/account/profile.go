package account

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/attempts"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/sso/session"
	"gatehouse/web"
)

type profileView struct {
	Shell       components.Shell
	Name, Email string // values of the form fields
	User        store.User
	Faults      faults
}

// Profile handles GET /profile.
func (p *Pages) Profile(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error { return p.showProfile(c, http.StatusOK, p.profile(v)) })
}

func (p *Pages) profile(v *visitor) profileView {
	return profileView{Name: v.user.Name, Email: v.user.Email, User: v.user, Faults: faults{}}
}

func (p *Pages) showProfile(c echo.Context, status int, view profileView) error {
	view.Shell = web.Shell(c, "Profile")
	return web.Render(c, status, profilePage(view))
}

// SetName handles POST /profile/name with the field name.
func (p *Pages) SetName(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		typed, err := posted(c, "name")
		if err != nil {
			return err
		}
		view := p.profile(v)
		view.Name = keep(typed, maxName)
		name, fault := personName(typed)
		if fault != "" {
			view.Faults["name"] = fault
			return p.showProfile(c, http.StatusUnprocessableEntity, view)
		}
		err = p.Store.SetName(c.Request().Context(), v.user.ID, name, p.Now())
		if errors.Is(err, store.ErrNotFound) { // deleted concurrently
			return leadOn(c, "/sign-in")
		}
		if err != nil {
			return err
		}
		return p.saved(c, func(r *session.Record) { r.Name = name }, "Your name has been changed.")
	})
}

// SetEmail handles POST /profile/email with the fields email and email_password, the current password.
func (p *Pages) SetEmail(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		fields, err := postedAll(c, "email", "email_password")
		if err != nil {
			return err
		}
		view := p.profile(v)
		view.Email = keep(fields[0], maxEmail)
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
		err = p.confirm(c, v, fields[1])
		if err == nil { // limited like a registration: the answer also reveals whether an account exists
			err = p.Attempts.Register(c.Request().Context(), web.ClientIP(c))
		}
		if err == nil {
			err = p.Store.SetEmail(c.Request().Context(), v.user.ID, v.user.PasswordHash, email, normalised, p.Now(),
				p.audit(c, store.EmailChanged, v.user.ID, v.user, map[string]any{"email": map[string]any{"from": v.user.Email, "to": email}}))
		}
		if errors.Is(err, store.ErrEmailTaken) {
			err = p.emailTaken(c)
		}
		if err != nil {
			return p.refuseProfile(c, err, view, "email_password")
		}
		return p.saved(c, func(r *session.Record) { r.Email = email }, "Your email has been changed. Sign in with it from now on.")
	})
}

// SetPassword handles POST /profile/password with the fields current_password and new_password. It ends the user's
// other sign-ins, and gives this browser a new session id.
func (p *Pages) SetPassword(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		fields, err := postedAll(c, "current_password", "new_password")
		if err != nil {
			return err
		}
		current, next := fields[0], fields[1]
		view := p.profile(v)
		if current == "" {
			view.Faults["current_password"] = "Enter your current password."
		}
		if fault := p.newPassword(next, v.user.Email, v.user.Name); fault != "" {
			view.Faults["new_password"] = fault
		} else if current == next {
			view.Faults["new_password"] = "This is your current password. Choose a new one."
		}
		if len(view.Faults) > 0 {
			return p.showProfile(c, http.StatusUnprocessableEntity, view)
		}
		if err := p.changePassword(c, v, current, next); err != nil {
			return p.refuseProfile(c, err, view, "current_password")
		}
		web.Flash(c, "success", "Your password has been changed, and your other devices have been signed out.")
		return leadOn(c, "/profile")
	})
}

func (p *Pages) changePassword(c echo.Context, v *visitor, current, next string) error {
	ctx := c.Request().Context()
	if err := p.confirm(c, v, current); err != nil {
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
		return notEverywhere("Your password has been changed. Your other devices are being signed out, but not every server has confirmed it yet.")
	}
	v.user.DeviceGeneration++ // as in the database; the device cookies of other browsers are invalid now
	p.trust(c, v.user)
	return p.renewSession(c, v)
}

// saved applies a change to the session too, so that the header of other pages shows it, and redirects to the
// profile with a message.
func (p *Pages) saved(c echo.Context, change func(*session.Record), message string) error {
	if err := p.Sessions.Update(c.Request(), change); err != nil {
		return failed(err)
	}
	web.Flash(c, "success", message)
	return leadOn(c, "/profile")
}

// refuseProfile shows the profile again with the message for err, or returns err if the form did not cause it. field
// is the one that holds the current password.
func (p *Pages) refuseProfile(c echo.Context, err error, view profileView, field string) error {
	var exceeded *attempts.Exceeded
	switch {
	case errors.As(err, &exceeded):
		view.Faults[field] = tooMany(c, exceeded)
		return p.showProfile(c, http.StatusTooManyRequests, view)
	case errors.Is(err, errNoMatch), errors.Is(err, store.ErrStale):
		view.Faults[field] = "Wrong password. Enter your current password."
		return p.showProfile(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, store.ErrEmailTaken):
		view.Faults["email"] = "Another account uses this email. Enter a different one."
		return p.showProfile(c, http.StatusConflict, view)
	}
	return failed(err)
}

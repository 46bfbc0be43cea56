package account

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/attempts"
	"gatehouse/portal/password"
	"gatehouse/portal/store"
	"gatehouse/web"
)

const emailTaken = "An account with this email already exists. Sign in, or use another email."

type registerView struct {
	Shell       components.Shell
	ReturnTo    string
	Name, Email string
	Faults      faults
}

// RegisterForm handles GET /register. return_to is a local path, login_hint an email to begin with.
func (p *Pages) RegisterForm(c echo.Context) error {
	v, err := p.visitor(c)
	if err != nil {
		return err
	}
	back := returnTo(c.QueryParam("return_to"))
	if v != nil {
		return leadOn(c, back)
	}
	return p.showRegister(c, http.StatusOK, registerView{ReturnTo: back, Email: keep(c.QueryParam("login_hint"), maxEmail)})
}

func (p *Pages) showRegister(c echo.Context, status int, view registerView) error {
	web.FormActions(c, p.LeadsTo(c.Request().Context(), view.ReturnTo)...)
	view.Shell = web.Shell(c, "Create your account")
	view.Shell.SignInURL = ""
	return web.Render(c, status, registerPage(view))
}

// Register handles POST /register with the fields name, email, password and return_to. The new user gets the role
// customer and is signed in.
func (p *Pages) Register(c echo.Context) error {
	fields, err := postedAll(c, "name", "email", "password", "return_to")
	if err != nil {
		return err
	}
	view := registerView{
		ReturnTo: returnTo(fields[3]), Name: keep(fields[0], maxName), Email: keep(fields[1], maxEmail), Faults: faults{},
	}
	v, err := p.visitor(c)
	if err != nil {
		return err
	}
	if v != nil { // the form was open in another tab
		return leadOn(c, view.ReturnTo)
	}
	now := p.Now().UTC()
	u := store.User{ID: rand.Text(), Roles: []string{"customer"}, CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now}
	if name, fault := personName(fields[0]); fault != "" {
		view.Faults["name"] = fault
	} else {
		u.Name = name
	}
	if u.Email, u.EmailNormalised, err = NormaliseEmail(fields[1]); err != nil {
		view.Faults["email"] = "Enter an email address, such as name@example.com."
	}
	if fault := p.newPassword(fields[2], u.Email, u.Name); fault != "" {
		view.Faults["password"] = fault
	}
	if len(view.Faults) > 0 {
		return p.showRegister(c, http.StatusUnprocessableEntity, view)
	}
	if err := p.register(c, u, fields[2]); err != nil {
		return p.refuseRegister(c, err, view)
	}
	return leadOn(c, view.ReturnTo)
}

// newPassword returns the reason why a password can't be chosen, "" if it can. about are the user's email and name.
func (p *Pages) newPassword(secret string, about ...string) string {
	if secret == "" {
		return "Enter a password."
	}
	var weak password.Weakness
	if errors.As(p.policy.Check(secret, about...), &weak) {
		return string(weak)
	}
	return ""
}

func (p *Pages) register(c echo.Context, u store.User, secret string) error {
	ctx := c.Request().Context()
	// Counted before the email is looked up, since the answer reveals whether an account exists.
	if err := p.Attempts.Register(ctx, web.ClientIP(c)); err != nil {
		return err
	}
	if _, err := p.Store.UserByEmail(ctx, u.EmailNormalised); err == nil {
		return p.emailTaken(c)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	hash, err := p.Hasher.Hash(ctx, secret)
	if err != nil {
		return err
	}
	u.PasswordHash = hash
	err = p.start(c, u, func(first store.SignIn) error { return p.Store.Register(ctx, u, first) })
	if errors.Is(err, store.ErrEmailTaken) { // registered concurrently
		return p.emailTaken(c)
	}
	return err
}

// emailTaken counts an answer that reveals that an account exists. It returns store.ErrEmailTaken, or an error if
// the limit is exceeded.
func (p *Pages) emailTaken(c echo.Context) error {
	if err := p.Attempts.EmailTaken(c.Request().Context(), web.ClientIP(c)); err != nil {
		return err
	}
	return store.ErrEmailTaken
}

func (p *Pages) refuseRegister(c echo.Context, err error, view registerView) error {
	var exceeded *attempts.Exceeded
	switch {
	case errors.As(err, &exceeded):
		view.Faults[""] = tooMany(c, exceeded)
		return p.showRegister(c, http.StatusTooManyRequests, view)
	case errors.Is(err, store.ErrEmailTaken):
		view.Faults["email"] = emailTaken
		return p.showRegister(c, http.StatusConflict, view)
	}
	return failed(err)
}

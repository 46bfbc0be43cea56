package account

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const emailTakenMessage = "An account with this email already exists. Sign in, or use another email."

type registerView struct {
	Shell       components.Shell
	ReturnTo    string
	Name, Email string
	Faults      faults
}

// RegisterForm handles GET /register. return_to is a local path, login_hint an email to begin with.
func (p *Pages) RegisterForm(c echo.Context) error {
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	back := returnTo(c.QueryParam("return_to"))
	if v != nil {
		return web.RedirectHX(c, back)
	}
	return p.showRegister(c, http.StatusOK, registerView{ReturnTo: back, Email: redisplay(c.QueryParam("login_hint"), maxEmail)})
}

func (p *Pages) showRegister(c echo.Context, status int, view registerView) error {
	web.FormActions(c, p.FormTargets(c.Request().Context(), view.ReturnTo)...)
	view.Shell = web.Shell(c, "Create your account")
	view.Shell.SignInURL = ""
	return web.Render(c, status, registerPage(view))
}

// Register handles POST /register with the fields name, email, password and return_to. The new user gets the role
// customer and is signed in.
func (p *Pages) Register(c echo.Context) error {
	fields, err := formValues(c, "name", "email", "password", "return_to")
	if err != nil {
		return err
	}
	view := registerView{
		ReturnTo: returnTo(fields[3]), Name: redisplay(fields[0], maxName), Email: redisplay(fields[1], maxEmail), Faults: faults{},
	}
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	if v != nil { // the form was open in another tab
		return web.RedirectHX(c, view.ReturnTo)
	}
	now := p.Now().UTC()
	u := store.User{ID: rand.Text(), Roles: []string{"customer"}, CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now}
	if name, fault := checkName(fields[0]); fault != "" {
		view.Faults["name"] = fault
	} else {
		u.Name = name
	}
	if u.Email, u.EmailNormalised, err = NormaliseEmail(fields[1]); err != nil {
		view.Faults["email"] = "Enter an email address, such as name@example.com."
	}
	if fault := p.checkNewPassword(fields[2], u.Email, u.Name); fault != "" {
		view.Faults["password"] = fault
	}
	if len(view.Faults) > 0 {
		return p.showRegister(c, http.StatusUnprocessableEntity, view)
	}
	if err := p.register(c, u, fields[2]); err != nil {
		return p.showRegisterError(c, err, view)
	}
	return web.RedirectHX(c, view.ReturnTo)
}

// checkNewPassword returns the reason why a password can't be chosen, "" if it can. about are the user's email and
// name.
func (p *Pages) checkNewPassword(secret string, about ...string) string {
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
	if err := p.Limiter.CountRegistration(ctx, web.ClientIP(c)); err != nil {
		return err
	}
	if _, err := p.Store.UserByEmail(ctx, u.EmailNormalised); err == nil {
		return p.countEmailTaken(c)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	hash, err := p.Hasher.Hash(ctx, secret)
	if err != nil {
		return err
	}
	u.PasswordHash = hash
	err = p.startSignIn(c, u, func(first store.SignIn) error { return p.Store.Register(ctx, u, first) })
	if errors.Is(err, store.ErrEmailTaken) { // registered concurrently
		return p.countEmailTaken(c)
	}
	return err
}

// countEmailTaken counts an answer that reveals that an account exists. It returns store.ErrEmailTaken, or an error if
// the limit is exceeded.
func (p *Pages) countEmailTaken(c echo.Context) error {
	if err := p.Limiter.CountEmailTaken(c.Request().Context(), web.ClientIP(c)); err != nil {
		return err
	}
	return store.ErrEmailTaken
}

func (p *Pages) showRegisterError(c echo.Context, err error, view registerView) error {
	var exceeded *ratelimit.Exceeded
	switch {
	case errors.As(err, &exceeded):
		view.Faults[""] = tooManyMessage(c, exceeded)
		return p.showRegister(c, http.StatusTooManyRequests, view)
	case errors.Is(err, store.ErrEmailTaken):
		view.Faults["email"] = emailTakenMessage
		return p.showRegister(c, http.StatusConflict, view)
	}
	return asUnavailable(err)
}

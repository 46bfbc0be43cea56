package account

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

// noMatchMessage is the message both for an unknown email and for a wrong password.
const noMatchMessage = "Wrong email or password. Check both and try again."

type signInView struct {
	Shell    components.Shell
	ReturnTo string
	Email    string
	Reauth   *components.Person // the user whose password is asked for again; nil at a sign-in
	Faults   faults
	Demo     []DemoAccount
	Conflict bool // the browser sends sessions of different users
	NotSent  bool // the browser was just given a session cookie, and does not send it

	SignedOut     bool      // the user's sign-in ended before the password was sent again
	Disabled      bool      // the password was right, and the account is disabled
	DisabledUntil time.Time // zero: permanently
}

// faultTitle returns the heading of the form's error summary.
func (v signInView) faultTitle() string {
	if v.Reauth != nil {
		return "Please check your password"
	}
	return "You're not signed in"
}

// SignInForm handles GET /sign-in. Parameters: return_to, a local path; login_hint, an email to begin with (OpenID
// Connect Core §3.1.2.1); reauth=1 asks the signed-in user for the password again (prompt=login, max_age).
func (p *Pages) SignInForm(c echo.Context) error {
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	view := signInView{ReturnTo: returnTo(c.QueryParam("return_to")), Email: redisplay(c.QueryParam("login_hint"), maxEmail)}
	if v != nil {
		if c.QueryParam("reauth") != "1" {
			return web.RedirectHX(c, view.ReturnTo)
		}
		view.Reauth = headerPerson(v.user)
	} else {
		view.Conflict = p.hasConflict(c)
		view.NotSent = !view.Conflict && p.Sessions.TakeIssued(c.Response(), c.Request())
	}
	return p.showSignIn(c, http.StatusOK, view)
}

func (p *Pages) showSignIn(c echo.Context, status int, view signInView) error {
	title := "Sign in"
	if view.Reauth != nil {
		title = "Confirm it's you"
	} else if p.Demo {
		view.Demo = DemoAccounts()
	}
	web.FormActions(c, p.FormTargets(c.Request().Context(), view.ReturnTo)...)
	view.Shell = web.Shell(c, title)
	view.Shell.SignInURL = "" // this is the sign-in page
	return web.Render(c, status, signInPage(view))
}

// SignIn handles POST /sign-in with the fields email, password, return_to and reauth. The form that asks for the
// password again has the field username instead of email.
func (p *Pages) SignIn(c echo.Context) error {
	fields, err := formValues(c, "email", "password", "return_to", "reauth", "username")
	if err != nil {
		return err
	}
	typed, secret, reauth := fields[0], fields[1], fields[3] == "1"
	view := signInView{ReturnTo: returnTo(fields[2]), Email: redisplay(typed, maxEmail), Faults: faults{}}
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	if reauth && v != nil {
		return p.reauthenticate(c, v, secret, view)
	}
	if reauth && typed == "" {
		view.SignedOut, view.Email = true, redisplay(fields[4], maxEmail)
		return p.showSignIn(c, http.StatusUnprocessableEntity, view)
	}
	_, account, err := NormaliseEmail(typed)
	if err != nil {
		view.Faults["email"] = "Enter an email address, such as name@example.com."
	}
	if secret == "" {
		view.Faults["password"] = "Enter your password."
	}
	if len(view.Faults) > 0 {
		return p.showSignIn(c, http.StatusUnprocessableEntity, view)
	}
	u, err := p.authenticate(c, account, secret)
	if err == nil && v != nil && v.user.ID == u.ID { // the form was open in another tab: renew the sign-in
		v.user = u
		if err = p.renewSignIn(c, v); err == nil {
			return web.RedirectHX(c, view.ReturnTo)
		}
		if !errors.Is(err, store.ErrStale) && !errors.Is(err, session.ErrEnded) { // else it ended meanwhile: start another
			return p.showSignInError(c, err, view)
		}
		err = nil
	}
	if err == nil {
		err = p.startSignIn(c, u, storeSignIn(c, p.Store, u))
		if errors.Is(err, store.ErrSuperseded) { // a sign-out everywhere coincided: try again
			err = p.startSignIn(c, u, storeSignIn(c, p.Store, u))
		}
	}
	if err != nil {
		return p.showSignInError(c, err, view)
	}
	return web.RedirectHX(c, view.ReturnTo)
}

func storeSignIn(c echo.Context, records *store.Store, u store.User) func(store.SignIn) error {
	return func(in store.SignIn) error { return records.SignIn(c.Request().Context(), in, u.PasswordHash) }
}

// errNoMatch is authenticate's error for an unknown email or a wrong password.
var errNoMatch = errors.New("account: email and password do not match")

// disabledError is the error for the right password of a disabled account. A caller that does not know the password
// does not learn that the account is disabled.
type disabledError struct{ until time.Time } // zero: permanently

func (*disabledError) Error() string { return "account: disabled" }

// authenticate returns the user with this email if secret is the password. It returns errNoMatch if it is not, a
// *disabledError if the account is disabled, and *ratelimit.Exceeded if a limit is reached. Every call within the
// limits costs one hash, whether or not the account exists.
func (p *Pages) authenticate(c echo.Context, account, secret string) (store.User, error) {
	ctx := c.Request().Context()
	u, err := p.Store.UserByEmail(ctx, account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	tried := attemptsAccount(account, u)
	attempt, err := p.Limiter.CountSignIn(ctx, tried, web.ClientIP(c), p.readDeviceCookie(c, tried))
	if err != nil {
		return store.User{}, err
	}
	ok, rehash, err := p.Hasher.Verify(ctx, secret, u.PasswordHash)
	if err != nil {
		return store.User{}, err
	}
	ok = ok && !p.Store.Locked(u.ID)
	if !ok && u.ID == "" {
		return u, p.signInFailed(c, "", store.User{Email: account}, unknownEmail, errNoMatch)
	}
	if !ok {
		return u, p.signInFailed(c, "", u, wrongPassword, errNoMatch)
	}
	if err := p.countSuccess(c, "", u, attempt); err != nil {
		return u, err
	}
	if u.Disabled(p.Now()) {
		return u, p.signInFailed(c, "", u, accountDisabled, &disabledError{until: u.BannedUntil})
	}
	if rehash {
		u.PasswordHash = p.rehash(c, u, secret)
	}
	return u, nil
}

// rehash replaces a password hash whose parameters are out of date, and returns the hash that is stored now. A
// failure is only logged, since the next sign-in can repeat it.
func (p *Pages) rehash(c echo.Context, u store.User, secret string) string {
	ctx := c.Request().Context()
	hash, err := p.Hasher.Hash(ctx, secret)
	if err == nil {
		err = p.Store.Rehash(ctx, u.ID, u.PasswordHash, hash)
	}
	if errors.Is(err, store.ErrStale) {
		// A concurrent sign-in replaced the hash, or the password was changed: then the new hash is of another one.
		var stored store.User
		if stored, err = p.Store.UserByID(ctx, u.ID); err == nil {
			hash = stored.PasswordHash
			var same bool
			if same, _, err = p.Hasher.Verify(ctx, secret, hash); err == nil && !same {
				err = store.ErrStale
			}
		}
	}
	if err != nil {
		web.Logger(c).WarnContext(ctx, "cannot upgrade a password hash", "error", err, "sub", u.ID)
		return u.PasswordHash
	}
	return hash
}

// reauthenticate checks the password of the signed-in user again. The sign-in continues with a new session id, and
// its auth_time is now.
func (p *Pages) reauthenticate(c echo.Context, v *visitor, secret string, view signInView) error {
	view.Reauth = headerPerson(v.user)
	if secret == "" {
		view.Faults["password"] = "Enter your password."
		return p.showSignIn(c, http.StatusUnprocessableEntity, view)
	}
	if err := p.checkPassword(c, v, secret); err != nil {
		return p.showSignInError(c, err, view)
	}
	if err := p.renewSignIn(c, v); err != nil {
		return p.showSignInError(c, err, view)
	}
	return web.RedirectHX(c, view.ReturnTo)
}

// renewSignIn sets the auth_time of v's sign-in to now, after the password was checked, and gives the browser a new
// session. It ends no sign-in. The error wraps store.ErrStale or session.ErrEnded if the sign-in has ended
// meanwhile, and store.ErrStale if the password has changed.
func (p *Pages) renewSignIn(c echo.Context, v *visitor) error {
	if now := p.Now().UTC(); now.After(v.signIn.CreatedAt) {
		v.signIn.CreatedAt = now
	}
	if err := p.Store.Reauthenticate(c.Request().Context(), v.user.ID, v.signIn.SID, v.user.PasswordHash, v.signIn.CreatedAt); err != nil {
		return err
	}
	if err := p.renewSession(c, v); err != nil {
		return err
	}
	p.setDeviceCookie(c, v.user)
	return nil
}

// checkPassword checks the password of a signed-in user. It returns errNoMatch if it is wrong, and *ratelimit.Exceeded
// if a limit is reached.
func (p *Pages) checkPassword(c echo.Context, v *visitor, secret string) error {
	ctx := c.Request().Context()
	attempt, err := p.Limiter.CountConfirmation(ctx, v.signIn.SID, web.ClientIP(c))
	if err != nil {
		return err
	}
	ok, _, err := p.Hasher.Verify(ctx, secret, v.user.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return p.signInFailed(c, v.user.ID, v.user, wrongAgain, errNoMatch)
	}
	return p.countSuccess(c, v.user.ID, v.user, attempt)
}

// showSignInError shows the form again with the message for err, or returns err if the user did not cause it.
func (p *Pages) showSignInError(c echo.Context, err error, view signInView) error {
	var exceeded *ratelimit.Exceeded
	var disabled *disabledError
	switch {
	case errors.As(err, &exceeded):
		view.Faults[""] = tooManyMessage(c, exceeded)
		return p.showSignIn(c, http.StatusTooManyRequests, view)
	case errors.Is(err, errNoMatch), errors.Is(err, store.ErrStale):
		view.Faults[""] = noMatchMessage
		if view.Reauth != nil {
			view.Faults[""] = "Wrong password. Try again."
		}
		return p.showSignIn(c, http.StatusUnprocessableEntity, view)
	case errors.As(err, &disabled):
		view.Disabled, view.DisabledUntil = true, disabled.until
		return p.showSignIn(c, http.StatusForbidden, view)
	}
	return asUnavailable(err)
}

// tooManyMessage sets Retry-After (RFC 9110 §10.2.3) and returns the sentence that says how long to wait.
func tooManyMessage(c echo.Context, e *ratelimit.Exceeded) string {
	seconds := int((e.Wait + time.Second - 1) / time.Second)
	c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
	wait := components.Plural(seconds, "second", "seconds")
	if seconds > 90 {
		wait = components.Plural((seconds+59)/60, "minute", "minutes")
	}
	return fmt.Sprintf("Too many attempts. Please wait %s, then try again.", wait)
}

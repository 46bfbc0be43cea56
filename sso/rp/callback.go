package rp

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/session"
	"gatehouse/sso/token"
	"gatehouse/sso/trace"
)

// maxParameter is the maximum length of a parameter of the provider's response, in bytes.
const maxParameter = 8 << 10

// clockSkew is how far the provider's clock may be behind ours.
const clockSkew = time.Minute

// callback handles GET of the redirect URI: it processes the authentication response (OpenID Connect Core §3.1.2.5).
func (a *RP) callback(c echo.Context) error {
	q := c.QueryParams()
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > maxParameter {
			return badResponse("The answer of the sign-in service can't be read.", nil)
		}
	}
	state := q.Get("state")
	fl, err := a.flows.takeFlow(c, state)
	switch {
	case errors.Is(err, errNoFlow):
		return a.restartSignIn(c, fl)
	case err == nil:
		stateOf(c.Request().Context()).flow = trace.ID(state)
		err = a.handleFlowResponse(c, fl)
	default:
		err = unavailable(c, err)
	}
	if e := (*echo.HTTPError)(nil); !errors.As(err, &e) || e.Code != http.StatusServiceUnavailable {
		return err
	}
	if fl.Silent {
		a.Logger.Warn("a silent sign-in came to nothing", "error", err)
		c.Response().Header().Del("Retry-After")
		return a.continueAsGuest(c, fl) // the public page is shown without a sign-in
	}
	if stateOf(c.Request().Context()).flow != "" {
		if err := a.flows.restoreFlow(c, state, fl); err != nil {
			a.Logger.Warn("an answer that led to no session is kept for a minute", "error", err)
		}
	}
	return err
}

// restartSignIn answers a browser that brings a response to no sign-in that is in progress in it. The response is not
// used: a new sign-in begins, once, for the page of fl, which this browser stores. Without such a page it redirects to
// the start page.
func (a *RP) restartSignIn(c echo.Context, fl *flow) error {
	switch {
	case Person(c) != nil && fl != nil:
		return c.Redirect(http.StatusSeeOther, fl.ReturnTo)
	case Person(c) != nil || fl == nil || fl.Again: // the back button after the sign-in, or another person's link
		return c.Redirect(http.StatusSeeOther, "/")
	case fl.Silent:
		return a.continueAsGuest(c, fl)
	}
	target, err := a.authorizeURL(c, &flow{ReturnTo: fl.ReturnTo, Draft: fl.Draft, MaxAge: fl.MaxAge, Again: true})
	if err != nil {
		return unavailable(c, err)
	}
	return c.Redirect(http.StatusSeeOther, target)
}

// continueAsGuest redirects back to the page after a silent sign-in found that the browser is not signed in at the
// provider.
func (a *RP) continueAsGuest(c echo.Context, fl *flow) error {
	a.flows.set(c, "guest", guestArriving, guestLife)
	return c.Redirect(http.StatusSeeOther, fl.ReturnTo)
}

// handleFlowResponse processes the response to a sign-in of this browser.
func (a *RP) handleFlowResponse(c echo.Context, fl *flow) error {
	q := c.QueryParams()
	meta, err := a.provider.metadata(c.Request().Context())
	if err != nil {
		return unavailable(c, err)
	}
	// RFC 9207 §2.4: a response of another provider must not receive our code.
	if iss := q.Get("iss"); iss != "" && iss != a.Issuer || iss == "" && meta.IssInResponse {
		return badResponse("The answer is not from the sign-in service that was asked.", errors.New("rp: iss mismatch"))
	}
	if code := q.Get("error"); code != "" {
		return a.handleRefusal(c, fl, code, q.Get("error_description"))
	}
	return a.completeSignIn(c, fl, q.Get("code"))
}

// handleRefusal handles an error response (OpenID Connect Core §3.1.2.6).
func (a *RP) handleRefusal(c echo.Context, fl *flow, code, description string) error {
	if fl.Silent { // the browser is not signed in at the provider
		return a.continueAsGuest(c, fl)
	}
	a.Logger.Info("sign-in refused by the provider", "error", code, "description", description)
	switch code {
	case "access_denied":
		return echo.NewHTTPError(http.StatusForbidden, "The sign-in was given up or refused.")
	case "temporarily_unavailable", "server_error":
		return unavailable(c, errors.New("rp: provider says "+code))
	}
	return badResponse("The sign-in service could not sign you in ("+printable(code)+").", nil)
}

func (a *RP) completeSignIn(c echo.Context, fl *flow, code string) error {
	ctx := c.Request().Context()
	if code == "" {
		return badResponse("The answer of the sign-in service holds no code.", nil)
	}
	set, err := a.provider.exchange(ctx, code, a.redirectURI(), fl.Verifier)
	if err != nil {
		return a.responseError(c, err)
	}
	began := time.Now()
	claims, err := a.provider.ids.ID(ctx, set.IDToken, fl.Nonce, set.AccessToken)
	if err != nil {
		return a.responseError(c, err)
	}
	// OpenID Connect Core §3.1.3.7, 13: a provider that did not authenticate the user again must not cause a sign-in
	// that counts as recent.
	if fl.MaxAge > 0 && (claims.AuthTime == nil || a.Now().Sub(claims.AuthTime.Time) > fl.MaxAge+clockSkew) {
		return badResponse("We needed you to confirm your password, but the sign-in service didn't ask for it. Nothing was changed.", errors.New("rp: auth_time is missing or older than max_age"))
	}
	if err := a.provider.completeFromUserinfo(ctx, claims, set.AccessToken); err != nil {
		return a.responseError(c, err)
	}
	rec := newRecord(claims, a.Now())
	if err := a.tokens.save(ctx, rec.SID, set); err != nil {
		return unavailable(c, err)
	}
	err = a.sessions.Start(ctx, c.Response(), c.Request(), rec)
	if errors.Is(err, session.ErrEnded) {
		_ = a.tokens.forget(ctx, rec.SID)
		if fl.Silent {
			return a.handleRefusal(c, fl, "login_required", "")
		}
		return badResponse("You signed out while this sign-in was under way. Please sign in again.", err)
	}
	if err != nil {
		return unavailable(c, err)
	}
	if fl.Draft != "" {
		a.flows.set(c, "draft", fl.Draft, flowTimeout)
		if err := a.Redis.Expire(ctx, a.flows.key("draft", fl.Draft), flowTimeout).Err(); err != nil {
			a.Logger.Warn("what was typed before sign-in may be lost", "error", err)
		}
	}
	a.recordVerified(stateOf(ctx), claims, began)
	a.flows.set(c, "guest", "", -1)
	a.sessions.MarkIssued(c.Response())
	return c.Redirect(http.StatusSeeOther, fl.ReturnTo)
}

// newRecord returns the session record for an ID token.
func newRecord(claims *token.IDClaims, now time.Time) session.Record {
	rec := session.Record{
		Subject: claims.Subject, SID: claims.SID, Name: claims.Name, Email: claims.Email, Roles: claims.Roles, AuthTime: now,
	}
	if claims.AuthTime != nil {
		rec.AuthTime = claims.AuthTime.Time
	}
	if rec.SID == "" { // a provider without sessions: use a random sid
		rec.SID = "local." + rand.Text()
	}
	if rec.Name == "" {
		rec.Name = claims.Email
	}
	if rec.Name == "" {
		rec.Name = claims.Subject
	}
	return rec
}

// responseError returns the response for err: 400 if this sign-in was refused or its token is invalid, else 503.
func (a *RP) responseError(c echo.Context, err error) error {
	var refused *refusal
	switch {
	case errors.As(err, &refused), errors.Is(err, token.ErrInvalid):
		a.Logger.Warn("sign-in failed", "error", err)
		return badResponse("The sign-in could not be completed. Please sign in again.", err)
	case errors.Is(err, context.Canceled):
		return err
	}
	return unavailable(c, err)
}

func badResponse(message string, err error) error {
	return echo.NewHTTPError(http.StatusBadRequest, message).SetInternal(err)
}

// printable returns the printable ASCII characters of s, at most 40.
func printable(s string) string {
	out := make([]rune, 0, 40)
	for _, r := range s {
		if len(out) == 40 {
			break
		}
		if r > 0x20 && r < 0x7f {
			out = append(out, r)
		}
	}
	return string(out)
}

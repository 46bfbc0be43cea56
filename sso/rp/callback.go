package rp

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"gatehouse.example/sso/session"
	"gatehouse.example/sso/token"
	"gatehouse.example/sso/trace"
)

// maxParameter is the maximum length of a parameter of the provider's response, in bytes.
const maxParameter = 8 << 10

// clockSkew is how far the provider's clock may be behind ours.
const clockSkew = time.Minute

// callback handles GET of the redirect URI: it processes the authentication response (OpenID Connect Core §3.1.2.5).
func (a *RP) callback(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > maxParameter {
			return badResponse("We couldn't read the sign-in service's response.", nil)
		}
	}
	state := q.Get("state")
	fl, err := a.flows.takeFlow(w, r, state)
	switch {
	case errors.Is(err, errNoFlow):
		return a.restartSignIn(w, r, fl)
	case err == nil:
		stateOf(r.Context()).flow = trace.ID(state)
		err = a.handleFlowResponse(w, r, fl)
	default:
		err = unavailable(w, err)
	}
	if e := (*Error)(nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable {
		return err
	}
	if fl.Silent {
		a.Logger.Warn("silent sign-in failed", "error", err)
		w.Header().Del("Retry-After")
		return a.continueAsGuest(w, fl) // the public page is shown without a sign-in
	}
	if stateOf(r.Context()).flow != "" {
		if err := a.flows.restoreFlow(w, r, state, fl); err != nil {
			a.Logger.Warn("cannot mark an authorization response as used; it stays valid for a minute", "error", err)
		}
	}
	return err
}

// restartSignIn answers a browser that brings a response to no sign-in that is in progress in it. The response is not
// used: a new sign-in begins, once, for the page of fl, which this browser stores. Without such a page it redirects to
// the start page.
func (a *RP) restartSignIn(w http.ResponseWriter, r *http.Request, fl *flow) error {
	switch {
	case From(r) != nil && fl != nil:
		return redirect(w, http.StatusSeeOther, fl.ReturnTo)
	case From(r) != nil || fl == nil || fl.Again: // the back button after the sign-in, or another person's link
		return redirect(w, http.StatusSeeOther, "/")
	case fl.Silent:
		return a.continueAsGuest(w, fl)
	}
	target, err := a.authorizeURL(w, r, &flow{ReturnTo: fl.ReturnTo, Draft: fl.Draft, MaxAge: fl.MaxAge, Again: true})
	if err != nil {
		return unavailable(w, err)
	}
	return redirect(w, http.StatusSeeOther, target)
}

// continueAsGuest redirects back to the page after a silent sign-in found that the browser is not signed in at the
// provider.
func (a *RP) continueAsGuest(w http.ResponseWriter, fl *flow) error {
	a.flows.setCookie(w, "guest", guestArriving, guestLife)
	return redirect(w, http.StatusSeeOther, fl.ReturnTo)
}

// handleFlowResponse processes the response to a sign-in of this browser.
func (a *RP) handleFlowResponse(w http.ResponseWriter, r *http.Request, fl *flow) error {
	q := r.URL.Query()
	meta, err := a.provider.metadata(r.Context())
	if err != nil {
		return unavailable(w, err)
	}
	// RFC 9207 §2.4: a response of another provider must not receive our code.
	if iss := q.Get("iss"); iss != "" && iss != a.Issuer || iss == "" && meta.IssInResponse {
		return badResponse("The response came from a different sign-in service. Please sign in again.", errors.New("rp: iss mismatch"))
	}
	if code := q.Get("error"); code != "" {
		return a.handleRefusal(w, fl, code, q.Get("error_description"))
	}
	return a.completeSignIn(w, r, fl, q.Get("code"))
}

// handleRefusal handles an error response (OpenID Connect Core §3.1.2.6).
func (a *RP) handleRefusal(w http.ResponseWriter, fl *flow, code, description string) error {
	if fl.Silent { // the browser is not signed in at the provider
		return a.continueAsGuest(w, fl)
	}
	a.Logger.Info("sign-in refused by the provider", "error", code, "description", description)
	switch code {
	case "access_denied":
		return &Error{Status: http.StatusForbidden, Message: "The sign-in was cancelled or refused."}
	case "temporarily_unavailable", "server_error":
		return unavailable(w, errors.New("rp: provider says "+code))
	}
	return badResponse("The sign-in service couldn't sign you in ("+printable(code)+").", nil)
}

func (a *RP) completeSignIn(w http.ResponseWriter, r *http.Request, fl *flow, code string) error {
	ctx := r.Context()
	if code == "" {
		return badResponse("The sign-in service's response has no code. Please sign in again.", nil)
	}
	set, err := a.provider.exchange(ctx, code, a.redirectURI(), fl.Verifier)
	if err != nil {
		return a.responseError(w, err)
	}
	began := time.Now()
	claims, err := a.provider.ids.ID(ctx, set.IDToken, fl.Nonce, set.AccessToken)
	if err != nil {
		return a.responseError(w, err)
	}
	// OpenID Connect Core §3.1.3.7, 13: a provider that did not authenticate the user again must not cause a sign-in
	// that counts as recent.
	if fl.MaxAge > 0 && (claims.AuthTime == nil || a.Now().Sub(claims.AuthTime.Time) > fl.MaxAge+clockSkew) {
		return badResponse("You need to confirm your password, but the sign-in service didn't ask for it. Nothing was changed.", errors.New("rp: auth_time is missing or older than max_age"))
	}
	if err := a.provider.completeFromUserinfo(ctx, claims, set.AccessToken); err != nil {
		return a.responseError(w, err)
	}
	rec := newRecord(claims, a.Now())
	if err := a.tokens.save(ctx, rec.SID, set); err != nil {
		return unavailable(w, err)
	}
	_, err = a.sessions.Start(ctx, w, r, rec)
	if errors.Is(err, session.ErrEnded) {
		_ = a.tokens.delete(ctx, rec.SID)
		if fl.Silent {
			return a.handleRefusal(w, fl, "login_required", "")
		}
		return badResponse("You signed out during this sign-in. Please sign in again.", err)
	}
	if err != nil {
		return unavailable(w, err)
	}
	if fl.Draft != "" {
		a.flows.setCookie(w, "draft", fl.Draft, flowTimeout)
		if err := a.Redis.Expire(ctx, a.flows.key("draft", fl.Draft), flowTimeout).Err(); err != nil {
			a.Logger.Warn("cannot keep a form's draft across the sign-in", "error", err)
		}
	}
	a.recordVerified(stateOf(ctx), claims, began)
	a.flows.setCookie(w, "guest", "", -1)
	a.sessions.MarkIssued(w)
	return redirect(w, http.StatusSeeOther, fl.ReturnTo)
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
func (a *RP) responseError(w http.ResponseWriter, err error) error {
	var refused *refusal
	switch {
	case errors.As(err, &refused), errors.Is(err, token.ErrInvalid):
		a.Logger.Warn("sign-in failed", "error", err)
		return badResponse("We couldn't complete the sign-in. Please sign in again.", err)
	case errors.Is(err, context.Canceled):
		return err
	}
	return unavailable(w, err)
}

func badResponse(message string, err error) error {
	return &Error{Status: http.StatusBadRequest, Message: message, Err: err}
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

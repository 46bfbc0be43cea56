package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/codes"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/trace"
	"gatehouse.example/web"
)

// Authorize handles GET requests to the authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).
func (h *Handlers) Authorize(c echo.Context) error {
	sent, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return web.Fail(http.StatusBadRequest, invalidRequest, "The app that sent you here made a request that we can't read. Go back to the app and try again.").WithCause(err)
	}
	q, err := readAuthorize(sent, boundClients{c.Request().Context(), h.Clients}, h.Issuer.URL())
	if err != nil {
		return err
	}
	g, err := h.loadSignIn(c, q)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return h.redirectToSignIn(c, q, nil)
	case err != nil && q.None: // prompt=none: show no page
		return q.redirectFault(unavailable(err), h.Issuer.URL())
	case err != nil:
		return web.Unavailable(err)
	}
	asked := h.marker.reauthenticated(q, g.SID, g.AuthTime, h.Now())
	old := q.MaxAge >= 0 && h.Now().Sub(g.AuthTime) > q.MaxAge
	if (q.Login || old) && !asked {
		return h.redirectToSignIn(c, q, &g)
	}
	if q.IDTokenHint != "" { // OpenID Connect Core §3.1.2.1: is it the hinted user?
		hint, err := h.Issuer.ReadHint(q.IDTokenHint)
		switch {
		case err != nil:
			return q.redirectFault(badRequest(invalidRequest, "id_token_hint is not an ID token from this portal."), h.Issuer.URL())
		case hint.Subject != g.UserID && asked:
			return q.redirectFault(badRequest(loginRequired, "A different user signed in."), h.Issuer.URL())
		case hint.Subject != g.UserID:
			return h.redirectToSignIn(c, q, &g)
		}
	}
	return h.redirectWithCode(c, q, g)
}

// AuthorizePost handles POST requests to the authorization endpoint: it redirects them to the same request by GET. A
// browser does not send the portal's SameSite=Lax cookie with a POST from another site.
func (h *Handlers) AuthorizePost(c echo.Context) error {
	r := c.Request()
	if !isForm(r) || r.ParseForm() != nil {
		return web.Fail(http.StatusBadRequest, invalidRequest, "The app that sent you here made a request that we can't read. Go back to the app and try again.")
	}
	for name := range r.Form {
		if _, known := limits[name]; !known { // it may be of any length, and must be ignored (RFC 6749 §3.1)
			r.Form.Del(name)
		}
	}
	query := r.Form.Encode()
	if len(AuthorizePath+"?"+query) > maxURL {
		return web.Fail(http.StatusBadRequest, invalidRequest, "The app that sent you here made a request that's too long. Go back to the app and try again.")
	}
	noStore(c.Response().Header())
	return web.SeeOther(c, AuthorizePath+"?"+query)
}

// loadSignIn returns the user who is signed in at the portal, or ErrNotFound. It checks the database besides the
// session, since a sign-in that ended while Redis was unavailable leaves its session behind.
func (h *Handlers) loadSignIn(c echo.Context, q *authRequest) (store.SignInIdentity, error) {
	rec, err := h.Sessions.Load(c.Request())
	if err != nil && !errors.Is(err, session.ErrConflict) {
		return store.SignInIdentity{}, err
	}
	if rec == nil { // or sessions of different users: the sign-in page says so
		return store.SignInIdentity{}, store.ErrNotFound
	}
	g, err := h.Records.SignInIdentity(c.Request().Context(), rec.SID, q.Client.ID, h.Now())
	if errors.Is(err, store.ErrNotFound) || (err == nil && g.UserID != rec.Subject) {
		if err := h.Sessions.End(c.Request().Context(), c.Response(), c.Request()); err != nil {
			return store.SignInIdentity{}, err
		}
		return store.SignInIdentity{}, store.ErrNotFound
	}
	return g, err
}

// redirectToSignIn redirects the browser to the sign-in page, which leads back to this request. present is the
// signed-in user who has to sign in again, nil for a guest. With prompt=none it returns the error login_required.
func (h *Handlers) redirectToSignIn(c echo.Context, q *authRequest, present *store.SignInIdentity) error {
	if q.None {
		return q.redirectFault(badRequest(loginRequired, "The user has to sign in, but prompt=none was requested."), h.Issuer.URL())
	}
	again := url.Values{}
	for name, value := range q.sent.values {
		again.Set(name, value)
	}
	again.Del(reauthParam)
	page := url.Values{}
	switch {
	case present != nil:
		again.Set(reauthParam, h.marker.sign(q, present.SID, present.AuthTime, h.Now()))
		page.Set("reauth", "1")
	case q.Login || q.MaxAge >= 0 || q.IDTokenHint != "":
		again.Set(reauthParam, h.marker.sign(q, "", time.Time{}, h.Now()))
	}
	back := AuthorizePath + "?" + again.Encode()
	page.Set("return_to", back)
	if len(SignInPath+"?"+page.Encode()) > maxURL {
		return q.redirectFault(badRequest(invalidRequest, "The request is too long."), h.Issuer.URL())
	}
	if q.LoginHint != "" {
		page.Set("login_hint", q.LoginHint)
	}
	noStore(c.Response().Header())
	return web.SeeOther(c, SignInPath+"?"+page.Encode())
}

// redirectWithCode redirects to the client with a code, the state and the issuer (RFC 6749 §4.1.2, RFC 9207 §2).
func (h *Handlers) redirectWithCode(c echo.Context, q *authRequest, g store.SignInIdentity) error {
	code, err := h.Codes.Save(c.Request().Context(), codes.Code{
		ClientID: q.Client.ID, RedirectURI: q.RedirectURI, Challenge: q.Challenge, Nonce: q.Nonce, Scopes: q.Scopes,
		Audience: q.Audience, SID: g.SID, Subject: g.UserID, AuthTime: g.AuthTime, Flow: trace.ID(q.State), Tag: browserTag(c),
	})
	if err != nil && q.None {
		return q.redirectFault(unavailable(err), h.Issuer.URL())
	}
	if err != nil {
		return web.Unavailable(err)
	}
	answer := url.Values{"code": {code}, "iss": {h.Issuer.URL()}}
	if q.State != "" {
		answer.Set("state", q.State)
	}
	return answerRedirect(c, q.RedirectURI, answer)
}

// boundClients is the client registry bound to the context of a request.
type boundClients struct {
	ctx     context.Context
	clients *clients.Registry
}

func (k boundClients) Client(id string) (clients.Client, bool) { return k.clients.Client(k.ctx, id) }
func (k boundClients) KnowsScope(scope string) bool            { return k.clients.KnowsScope(k.ctx, scope) }

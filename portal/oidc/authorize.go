package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/clients"
	"gatehouse/portal/ephemeral"
	"gatehouse/portal/store"
	"gatehouse/sso/session"
	"gatehouse/sso/trace"
	"gatehouse/web"
)

// Authorize handles GET requests to the authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).
func (h *Handlers) Authorize(c echo.Context) error {
	sent, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return web.Fail(http.StatusBadRequest, invalidRequest, "The app that sent you here made a request that can't be read.").WithCause(err)
	}
	q, err := readAuthorize(sent, known{c.Request().Context(), h.Clients}, h.Issuer.URL())
	if err != nil {
		return err
	}
	g, err := h.visitor(c, q)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return h.ask(c, q, nil)
	case err != nil && q.None: // prompt=none: show no page
		return q.fail(unavailable(err), h.Issuer.URL())
	case err != nil:
		return web.Unavailable(err)
	}
	asked := h.marker.asked(q, g.SID, g.AuthTime, h.Now())
	old := q.MaxAge >= 0 && h.Now().Sub(g.AuthTime) > q.MaxAge
	if (q.Login || old) && !asked {
		return h.ask(c, q, &g)
	}
	if q.IDTokenHint != "" { // OpenID Connect Core §3.1.2.1: is it the hinted user?
		hint, err := h.Issuer.Hint(q.IDTokenHint)
		switch {
		case err != nil:
			return q.fail(badRequest(invalidRequest, "id_token_hint is not an ID token of this portal."), h.Issuer.URL())
		case hint.Subject != g.UserID && asked:
			return q.fail(badRequest(loginRequired, "Somebody else signed in."), h.Issuer.URL())
		case hint.Subject != g.UserID:
			return h.ask(c, q, &g)
		}
	}
	return h.grant(c, q, g)
}

// AuthorizePost handles POST requests to the authorization endpoint: it redirects them to the same request by GET. A
// browser does not send the portal's SameSite=Lax cookie with a POST from another site.
func (h *Handlers) AuthorizePost(c echo.Context) error {
	r := c.Request()
	if !isForm(r) || r.ParseForm() != nil {
		return web.Fail(http.StatusBadRequest, invalidRequest, "The app that sent you here made a request that can't be read.")
	}
	for name := range r.Form {
		if _, known := limits[name]; !known { // it may be of any length, and must be ignored (RFC 6749 §3.1)
			r.Form.Del(name)
		}
	}
	query := r.Form.Encode()
	if len(AuthorizePath+"?"+query) > maxURL {
		return web.Fail(http.StatusBadRequest, invalidRequest, "The app that sent you here made a request that is too long.")
	}
	noStore(c.Response().Header())
	return web.SeeOther(c, AuthorizePath+"?"+query)
}

// visitor returns the user who is signed in at the portal, or ErrNotFound. It checks the database besides the
// session, since a sign-in that ended while Redis was unavailable leaves its session behind.
func (h *Handlers) visitor(c echo.Context, q *authRequest) (store.Grantee, error) {
	rec, err := h.Sessions.Load(c.Request())
	if err != nil && !errors.Is(err, session.ErrConflict) {
		return store.Grantee{}, err
	}
	if rec == nil { // or sessions of different users: the sign-in page says so
		return store.Grantee{}, store.ErrNotFound
	}
	g, err := h.Records.Grantee(c.Request().Context(), rec.SID, q.Client.ID, h.Now())
	if errors.Is(err, store.ErrNotFound) || (err == nil && g.UserID != rec.Subject) {
		if err := h.Sessions.End(c.Request().Context(), c.Response(), c.Request()); err != nil {
			return store.Grantee{}, err
		}
		return store.Grantee{}, store.ErrNotFound
	}
	return g, err
}

// ask redirects the browser to the sign-in page, which leads back to this request. present is the signed-in user who
// has to sign in again, nil for a guest. With prompt=none it returns the error login_required.
func (h *Handlers) ask(c echo.Context, q *authRequest, present *store.Grantee) error {
	if q.None {
		return q.fail(badRequest(loginRequired, "The person has to sign in, and the client asked not to show a page."), h.Issuer.URL())
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
		return q.fail(badRequest(invalidRequest, "The request is too long to pass through the sign-in page."), h.Issuer.URL())
	}
	if q.LoginHint != "" {
		page.Set("login_hint", q.LoginHint)
	}
	noStore(c.Response().Header())
	return web.SeeOther(c, SignInPath+"?"+page.Encode())
}

// grant redirects to the client with a code, the state and the issuer (RFC 6749 §4.1.2, RFC 9207 §2).
func (h *Handlers) grant(c echo.Context, q *authRequest, g store.Grantee) error {
	code, err := h.Ephemeral.SaveCode(c.Request().Context(), ephemeral.Code{
		ClientID: q.Client.ID, RedirectURI: q.RedirectURI, Challenge: q.Challenge, Nonce: q.Nonce, Scopes: q.Scopes,
		Audience: q.Audience, SID: g.SID, Subject: g.UserID, AuthTime: g.AuthTime, Flow: trace.ID(q.State), Tag: browserTag(c),
	})
	if err != nil && q.None {
		return q.fail(unavailable(err), h.Issuer.URL())
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

// known is the client registry bound to the context of a request.
type known struct {
	ctx     context.Context
	clients Clients
}

func (k known) Client(id string) (clients.Client, bool) { return k.clients.Client(k.ctx, id) }
func (k known) KnowsScope(scope string) bool            { return k.clients.KnowsScope(k.ctx, scope) }

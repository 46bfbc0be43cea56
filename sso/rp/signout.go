package rp

import (
	"crypto/rand"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse/sso/luascript"
	"gatehouse/sso/token"
)

// signOut handles POST /auth/sign-out: it ends this app's session and redirects to the provider, which ends the sign-in
// everywhere (OpenID Connect RP-Initiated Logout 1.0 §2).
func (a *RP) signOut(c echo.Context) error {
	ctx := c.Request().Context()
	s := stateOf(c.Request().Context())
	if s.err != nil {
		return unavailable(c, s.err)
	}
	a.flows.set(c, "guest", guestKnown, guestLife)
	if s.identity == nil { // signed out already
		return c.Redirect(http.StatusSeeOther, "/")
	}
	hint := ""
	if set, err := a.tokens.load(ctx, s.identity.SID); err == nil {
		hint = set.IDToken
	}
	if _, err := a.sessions.SignOutLocally(ctx, s.identity.SID); err != nil {
		return unavailable(c, err)
	}
	if err := a.sessions.End(ctx, c.Response(), c.Request()); err != nil {
		return unavailable(c, err)
	}
	if err := a.tokens.forget(ctx, s.identity.SID); err != nil {
		return unavailable(c, err)
	}
	meta, err := a.provider.metadata(ctx)
	if err != nil || meta.EndSessionEndpoint == "" {
		return c.Redirect(http.StatusSeeOther, "/")
	}
	state := rand.Text()
	a.flows.set(c, "signout", state, 10*time.Minute)
	q := url.Values{
		"client_id": {a.ClientID}, "post_logout_redirect_uri": {a.BaseURL + SignedOutPath}, "state": {state},
	}
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	return c.Redirect(http.StatusSeeOther, meta.EndSessionEndpoint+"?"+q.Encode())
}

// signedOut handles GET /auth/signed-out, to which the provider redirects after a sign-out.
func (a *RP) signedOut(c echo.Context) error {
	state := c.QueryParam("state")
	if len(a.flows.values(c, "signout", func(v string) bool { return v != "" && v == state })) == 0 {
		return c.Redirect(http.StatusSeeOther, "/") // not from a sign-out of this browser
	}
	a.flows.set(c, "signout", "", -1)
	a.flows.set(c, "guest", guestArriving, guestLife)
	return a.SignedOut(c)
}

// logoutMemory is how long a logout token's jti is stored: longer than the token is accepted.
const logoutMemory = 15 * time.Minute

// markOnce sets a key for ARGV[1] milliseconds, also in a full Redis, and returns nil if it is set already.
var markOnce = luascript.New(`return redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1])`)

// backchannel handles POST /auth/backchannel-logout: it ends the sessions of the sign-in, or of the user, that a logout
// token names (OpenID Connect Back-Channel Logout 1.0 §2.5). The sessions are in Redis, so that any replica can do it.
func (a *RP) backchannel(c echo.Context) error {
	ctx := c.Request().Context()
	c.Response().Header().Set("Cache-Control", "no-store")
	raw, ok := logoutToken(c)
	if !ok {
		return logoutRefused(c, "exactly one logout_token is needed, in a body of the type application/x-www-form-urlencoded")
	}
	claims, err := a.provider.ids.Logout(ctx, raw)
	switch {
	case errors.Is(err, token.ErrInvalid):
		a.Logger.Warn("logout token refused", "error", err)
		return logoutRefused(c, "the logout token is not valid")
	case err != nil:
		return unavailable(c, err)
	}
	seen := a.flows.key("jti", claims.ID)
	switch err := a.scripts.Run(ctx, markOnce, []string{seen}, logoutMemory.Milliseconds()).Err(); {
	case errors.Is(err, redis.Nil):
		return logoutRefused(c, "this logout token was used before")
	case err != nil:
		return unavailable(c, err)
	}
	n := 0
	if claims.SID != "" {
		n, err = a.sessions.EndSID(ctx, claims.SID)
		if err == nil {
			err = a.tokens.forget(ctx, claims.SID)
		}
	} else {
		n, err = a.sessions.EndSubject(ctx, claims.Subject)
	}
	if err != nil {
		// Allow the provider to send the same token again.
		_ = a.Redis.Del(ctx, seen).Err()
		return unavailable(c, err)
	}
	a.Logger.Info("signed out by the provider", "sid", claims.SID, "sessions", n)
	return c.NoContent(http.StatusOK)
}

// maxLogoutBody is the maximum size of a logout request, in bytes: several times that of a valid token.
const maxLogoutBody = 64 << 10

// logoutToken returns the logout token in a request's body (Back-Channel Logout §2.5), and whether there is exactly
// one. A token in the URL, which would be logged, does not count.
func logoutToken(c echo.Context) (string, bool) {
	r := c.Request()
	if media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || media != echo.MIMEApplicationForm {
		return "", false
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxLogoutBody)
	if err := r.ParseForm(); err != nil || len(r.PostForm["logout_token"]) != 1 {
		return "", false
	}
	return r.PostForm.Get("logout_token"), true
}

func logoutRefused(c echo.Context, why string) error {
	return c.JSON(http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": why})
}

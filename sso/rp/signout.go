package rp

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/luascript"
	"gatehouse.example/sso/token"
)

// signOut handles POST /auth/sign-out: it ends this app's session and redirects to the provider, which ends the sign-in
// everywhere (OpenID Connect RP-Initiated Logout 1.0 §2).
func (a *RP) signOut(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	s := stateOf(r.Context())
	if s.err != nil {
		return unavailable(w, s.err)
	}
	a.flows.setCookie(w, "guest", guestKnown, guestLife)
	if s.identity == nil { // signed out already
		return redirect(w, http.StatusSeeOther, "/")
	}
	hint := ""
	if set, err := a.tokens.load(ctx, s.identity.SID); err == nil {
		hint = set.IDToken
	}
	if _, err := a.sessions.SignOutLocally(ctx, s.identity.SID); err != nil {
		return unavailable(w, err)
	}
	if err := a.sessions.End(ctx, w, r); err != nil {
		return unavailable(w, err)
	}
	if err := a.tokens.delete(ctx, s.identity.SID); err != nil {
		return unavailable(w, err)
	}
	meta, err := a.provider.metadata(ctx)
	if err != nil || meta.EndSessionEndpoint == "" {
		return redirect(w, http.StatusSeeOther, "/")
	}
	state := rand.Text()
	a.flows.setCookie(w, "signout", state, 10*time.Minute)
	q := url.Values{
		"client_id": {a.ClientID}, "post_logout_redirect_uri": {a.BaseURL + SignedOutPath}, "state": {state},
	}
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	return redirect(w, http.StatusSeeOther, meta.EndSessionEndpoint+"?"+q.Encode())
}

// signedOut handles GET /auth/signed-out, to which the provider redirects after a sign-out.
func (a *RP) signedOut(w http.ResponseWriter, r *http.Request) error {
	state := r.URL.Query().Get("state")
	if len(a.flows.cookieValues(r, "signout", func(v string) bool { return v != "" && v == state })) == 0 {
		return redirect(w, http.StatusSeeOther, "/") // not from a sign-out of this browser
	}
	a.flows.setCookie(w, "signout", "", -1)
	a.flows.setCookie(w, "guest", guestArriving, guestLife)
	a.SignedOut(w, r)
	return nil
}

// logoutTokenTimeout is how long a logout token's jti is stored: longer than the token is accepted.
const logoutTokenTimeout = 15 * time.Minute

// markOnce sets a key for ARGV[1] milliseconds, also in a full Redis, and returns nil if it is set already.
var markOnce = luascript.New(`return redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1])`)

// backchannel handles POST /auth/backchannel-logout: it ends the sessions of the sign-in, or of the user, that a logout
// token names (OpenID Connect Back-Channel Logout 1.0 §2.5). The sessions are in Redis, so that any replica can do it.
func (a *RP) backchannel(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	w.Header().Set("Cache-Control", "no-store")
	raw, ok := readLogoutToken(w, r)
	if !ok {
		return refuseLogout(w, "send exactly one logout_token, as application/x-www-form-urlencoded")
	}
	claims, err := a.provider.ids.Logout(ctx, raw)
	switch {
	case errors.Is(err, token.ErrInvalid):
		a.Logger.Warn("logout token refused", "error", err)
		return refuseLogout(w, "the logout token is not valid")
	case err != nil:
		return unavailable(w, err)
	}
	seen := a.flows.key("jti", claims.ID)
	switch err := a.scripts.Run(ctx, markOnce, []string{seen}, logoutTokenTimeout.Milliseconds()).Err(); {
	case errors.Is(err, redis.Nil):
		return refuseLogout(w, "this logout token was used before")
	case err != nil:
		return unavailable(w, err)
	}
	n := 0
	if claims.SID != "" {
		n, err = a.sessions.EndSignIns(ctx, claims.SID)
		if err == nil {
			err = a.tokens.delete(ctx, claims.SID)
		}
	} else {
		n, err = a.sessions.EndSubject(ctx, claims.Subject)
	}
	if err != nil {
		// Allow the provider to send the same token again.
		_ = a.Redis.Del(ctx, seen).Err()
		return unavailable(w, err)
	}
	a.Logger.Info("signed out by the provider", "sid", claims.SID, "sessions", n)
	w.WriteHeader(http.StatusOK)
	return nil
}

// maxLogoutBody is the maximum size of a logout request, in bytes: several times that of a valid token.
const maxLogoutBody = 64 << 10

// readLogoutToken returns the logout token in a request's body (Back-Channel Logout §2.5), and whether there is exactly
// one. A token in the URL, which would be logged, does not count.
func readLogoutToken(w http.ResponseWriter, r *http.Request) (string, bool) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return "", false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutBody)
	if err := r.ParseForm(); err != nil || len(r.PostForm["logout_token"]) != 1 {
		return "", false
	}
	return r.PostForm.Get("logout_token"), true
}

func refuseLogout(w http.ResponseWriter, why string) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	return json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": why})
}

package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/token"
)

// introspection is the response to an introspection request (RFC 7662 §2.2). For a token that is not active, all
// other members are empty. sid, auth_time and roles are those of the token.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Expires   int64    `json:"exp,omitempty"`
	Issued    int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  string   `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	SID       string   `json:"sid,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	Roles     []string `json:"roles,omitempty"`
}

// Introspect handles POST /oauth/introspect (RFC 7662), for APIs that can't verify a token themselves. It describes
// a token only to the client that it was issued to and to the API that is its audience; for other clients it is not
// active, so that they can't scan for tokens (§4).
func (h *Handlers) Introspect(c echo.Context) error {
	p, client, f := h.authenticateForm(c)
	switch {
	case f != nil:
		return f
	case client.AuthMethod == clients.Public: // §2.1: the caller must authenticate
		return unauthenticated("Only a client with a secret may introspect tokens.")
	}
	raw, f := p.token()
	if f != nil {
		return f
	}
	inspect := h.inspectRefresh
	if isJWT(raw) { // the hint may be wrong (§2.1), the form of the token is not
		inspect = h.inspectAccess
	}
	answer, f := inspect(c.Request().Context(), client, raw)
	if f != nil {
		return f
	}
	noStore(c.Response().Header())
	return c.JSON(http.StatusOK, answer)
}

func (h *Handlers) inspectAccess(ctx context.Context, client clients.Client, raw string) (introspection, *fault) {
	claims, err := h.Issuer.ReadAccess(raw)
	if err != nil || !mayInspect(client, claims) {
		return introspection{}, nil
	}
	out := introspection{
		Active: true, Scope: claims.Scope, ClientID: claims.ClientID, TokenType: "Bearer", Expires: claims.ExpiresAt.Unix(), Issued: claims.IssuedAt.Unix(),
		Subject: claims.Subject, Audience: claims.Audience[0], Issuer: claims.Issuer, ID: claims.ID, SID: claims.SID, Roles: claims.Roles,
	}
	if claims.AuthTime != nil {
		out.AuthTime = claims.AuthTime.Unix()
	}
	if _, enabled := h.Clients.Client(ctx, claims.ClientID); !enabled {
		return introspection{}, nil
	}
	if live, f := notDenied(h.Denied.Check(claims.Subject, claims.SID, claims.ID, claims.Authenticated())); !live {
		return introspection{}, f
	}
	if claims.SID == "" { // a client's own token
		return out, nil
	}
	g, live, f := h.loadActiveSignIn(ctx, claims.SID, claims.Subject, claims.ClientID)
	if !live {
		return introspection{}, f
	}
	if claims.HasScope("email") {
		out.Username = g.Email
	}
	return out, nil
}

// mayInspect reports whether a token was issued to client, or for the API that client is: its audience is the origin
// of one of client's redirect URIs.
func mayInspect(client clients.Client, claims *token.AccessClaims) bool {
	if len(claims.Audience) == 0 {
		return false
	}
	return claims.ClientID == client.ID || slices.ContainsFunc(client.RedirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && slices.Contains(claims.Audience, u.Scheme+"://"+u.Host)
	})
}

func (h *Handlers) inspectRefresh(ctx context.Context, client clients.Client, raw string) (introspection, *fault) {
	t, err := h.Records.RefreshToken(ctx, tokens.Hash(raw))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return introspection{}, nil
	case err != nil:
		return introspection{}, unavailable(err)
	case t.ClientID != client.ID, !t.RevokedAt.IsZero(), !t.UsedAt.IsZero(), !h.Now().Before(t.ExpiresAt):
		return introspection{}, nil
	}
	g, live, f := h.loadActiveSignIn(ctx, t.SID, t.UserID, t.ClientID)
	if !live {
		return introspection{}, f
	}
	if live, f := notDenied(h.Denied.Check(t.UserID, t.SID, t.Family, g.AuthTime)); !live {
		return introspection{}, f
	}
	return introspection{
		Active: true, Scope: t.Scope, ClientID: t.ClientID, Expires: t.ExpiresAt.Unix(), Issued: t.CreatedAt.Unix(),
		Subject: t.UserID, Audience: h.Issuer.URL(), Issuer: h.Issuer.URL(), SID: t.SID, AuthTime: g.AuthTime.Unix(),
	}, nil
}

// notDenied translates the result of a denylist check: false for ErrDenied, and a fault for any other error.
func notDenied(err error) (bool, *fault) {
	switch {
	case errors.Is(err, denylist.ErrDenied):
		return false, nil
	case err != nil:
		return false, unavailable(err)
	}
	return true, nil
}

// loadActiveSignIn returns the user of the sign-in sid, and whether the sign-in is active, belongs to sub, and its user
// is not disabled.
func (h *Handlers) loadActiveSignIn(ctx context.Context, sid, sub, clientID string) (g store.SignInIdentity, live bool, f *fault) {
	g, err := h.Records.SignInIdentity(ctx, sid, clientID, h.Now())
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && g.UserID != sub:
		return g, false, nil
	case err != nil:
		return g, false, unavailable(err)
	}
	return g, true, nil
}

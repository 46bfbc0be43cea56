package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
)

// Revoke handles POST /oauth/revoke (RFC 7009). A refresh token is revoked with its whole grant, an access token
// alone; after the response, no replica of the estate accepts it. An unknown token is answered like a revoked one
// (§2.2).
func (h *Handlers) Revoke(c echo.Context) error {
	p, client, f := h.authenticateForm(c)
	if f != nil {
		return f
	}
	raw, f := p.token()
	if f != nil {
		return f
	}
	// The token's form is more reliable than the hint.
	if isJWT(raw) {
		f = h.revokeAccess(c.Request().Context(), client.ID, raw)
	} else {
		f = h.revokeRefresh(c.Request().Context(), client.ID, raw)
	}
	if f != nil {
		return f
	}
	noStore(c.Response().Header())
	return c.NoContent(http.StatusOK)
}

// isJWT reports whether raw has the form of an access token. Refresh tokens have no dots.
func isJWT(raw string) bool { return strings.Count(raw, ".") == 2 }

// foreign returns the error for a token that was not issued to the requesting client (RFC 7009 §2.1).
func foreign() *fault { return badRequest(invalidGrant, "The token was issued to a different client.") }

func (h *Handlers) revokeAccess(ctx context.Context, clientID, raw string) *fault {
	claims, err := h.Issuer.ReadAccess(raw)
	if err != nil {
		return nil // not an access token of this portal, or expired
	}
	if claims.ClientID != clientID {
		return foreign()
	}
	// Apps whose clocks are behind accept it for a little longer.
	return h.revokeToken(ctx, clientID, claims.ID, claims.ExpiresAt.Add(time.Minute), revoke.TokenRevoked)
}

func (h *Handlers) revokeRefresh(ctx context.Context, clientID, raw string) *fault {
	t, err := h.Records.RefreshToken(ctx, tokens.Hash(raw))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return unavailable(err)
	case t.ClientID != clientID:
		return foreign()
	}
	return h.revokeToken(ctx, clientID, t.Family, h.grantUntil(), revoke.TokenRevoked)
}

// grantUntil returns when the last access token of a grant that is revoked now has expired.
func (h *Handlers) grantUntil() time.Time {
	return h.Now().Add(h.Issuer.AccessLifetime() + time.Minute)
}

// revokeToken revokes one access token, or a grant with all its tokens, and waits until every replica has confirmed. If
// some can't be reached (§2.2.1), it returns a fault with status 503, and the caller has to repeat the request.
func (h *Handlers) revokeToken(ctx context.Context, clientID, id string, until time.Time, reason string) *fault {
	if err := revoke.Confirmed(h.Revoker.Revoke(ctx, revoke.Request{Token: id, Until: until, Reason: reason, Client: clientID})); err != nil {
		return unavailable(err)
	}
	return nil
}

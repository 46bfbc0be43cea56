package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/portal/tokens"
)

// Revoke is RFC 7009. A refresh token takes its whole grant with it, an access
// token goes alone; once this has answered, no server of the estate accepts it. An
// unknown token is as good as revoked (§2.2).
func (h *Handlers) Revoke(c echo.Context) error {
	p, f := form(c)
	if f != nil {
		return f
	}
	r := c.Request()
	client, f := h.authenticate(r.Context(), r.Header.Values(echo.HeaderAuthorization), p)
	if f != nil {
		return f
	}
	if f := p.check("token", "token_type_hint"); f != nil {
		return f
	}
	raw := p.get("token")
	if raw == "" {
		return badRequest(invalidRequest, "The parameter token is missing.")
	}
	// The hint says where to look first; we see it by the form of the token.
	if isJWT(raw) {
		f = h.revokeAccess(r.Context(), client.ID, raw)
	} else {
		f = h.revokeRefresh(r.Context(), client.ID, raw)
	}
	if f != nil {
		return f
	}
	noStore(c.Response().Header())
	return c.NoContent(http.StatusOK)
}

// isJWT tells access tokens from refresh tokens, which have no dots.
func isJWT(raw string) bool { return strings.Count(raw, ".") == 2 }

// foreign is RFC 7009 §2.1: the token was not issued to the client that asks.
func foreign() *fault { return badRequest(invalidGrant, "The token was issued to another client.") }

func (h *Handlers) revokeAccess(ctx context.Context, clientID, raw string) *fault {
	claims, err := h.Issuer.ReadAccess(raw)
	if err != nil {
		return nil // no token of ours, or none any more
	}
	if claims.ClientID != clientID {
		return foreign()
	}
	// Apps whose clocks are behind accept it for a little longer than it is good.
	return h.revoke(ctx, clientID, claims.ID, claims.ExpiresAt.Add(time.Minute), revoke.TokenRevoked)
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
	return h.revoke(ctx, clientID, t.Family, h.grantUntil(), revoke.TokenRevoked)
}

// grantUntil is when the last access token of a grant that is revoked now has died.
func (h *Handlers) grantUntil() time.Time { return h.Now().Add(h.Issuer.AccessLife() + time.Minute) }

// revoke ends one access token, or a grant with all of its tokens, and waits until
// every server knows. While some can't be told (§2.2.1), whoever asks has to ask again.
func (h *Handlers) revoke(ctx context.Context, clientID, id string, until time.Time, reason string) *fault {
	if err := revoke.Confirmed(h.Revoker.Revoke(ctx, revoke.Request{Token: id, Until: until, Reason: reason, Client: clientID})); err != nil {
		return unavailable(err)
	}
	return nil
}

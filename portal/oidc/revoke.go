package oidc

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/store"
	"gatehouse/portal/tokens"
)

// Revoke is RFC 7009. A refresh token takes its whole grant with it; an access
// token is denied where it comes to the portal (others believe a JWT until it
// expires). An unknown token is as good as revoked (§2.2).
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
	var err error
	// The hint says where to look first; we see it by the form of the token.
	if strings.Count(raw, ".") == 2 {
		err = h.revokeAccess(c, client.ID, raw)
	} else {
		err = h.revokeRefresh(c, client.ID, raw)
	}
	if err != nil {
		return err
	}
	noStore(c.Response().Header())
	return c.NoContent(http.StatusOK)
}

// foreign is RFC 7009 §2.1: the token was not issued to the client that asks.
func foreign() *fault { return badRequest(invalidGrant, "The token was issued to another client.") }

func (h *Handlers) revokeAccess(c echo.Context, clientID, raw string) error {
	claims, err := h.Issuer.ReadAccess(raw)
	if err != nil {
		return nil // no token of ours, or none any more
	}
	if claims.ClientID != clientID {
		return foreign()
	}
	if err := h.Ephemeral.Deny(c.Request().Context(), claims.ID, claims.ExpiresAt.Sub(h.Now())); err != nil {
		return unavailable(err)
	}
	return nil
}

func (h *Handlers) revokeRefresh(c echo.Context, clientID, raw string) error {
	ctx := c.Request().Context()
	t, err := h.Records.RefreshToken(ctx, tokens.Hash(raw))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return unavailable(err)
	case t.ClientID != clientID:
		return foreign()
	}
	if err := h.revokeGrant(ctx, t.Family); err != nil {
		return unavailable(err)
	}
	return nil
}

package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/codes"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
)

// putBackTimeout is the timeout of making a code usable again.
const putBackTimeout = 2 * time.Second

// exchangeCode handles the authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.6).
func (h *Handlers) exchangeCode(c echo.Context, q tokenRequest) (*tokenAnswer, error) {
	ctx := c.Request().Context()
	for _, name := range []string{"code", "redirect_uri", "code_verifier"} {
		if q.get(name) == "" {
			return nil, badRequest(invalidRequest, "The parameter "+name+" is missing.")
		}
	}
	const otherVerifier = "code_verifier doesn't match the code_challenge."
	challenge := challengeOf(q.get("code_verifier"))
	if challenge == "" {
		return nil, badRequest(invalidGrant, otherVerifier)
	}
	// The id of the grant is chosen before the exchange, so that the tombstone can contain it.
	grant := tokens.NewID()
	// A request that does not match the binding neither uses up the code nor revokes the grant.
	code, err := h.Codes.Take(ctx, q.get("code"), grant, codes.Binding{
		ClientID: q.client.ID, RedirectURI: q.get("redirect_uri"), Challenge: challenge,
	})
	if other := (*codes.Mismatch)(nil); errors.As(err, &other) {
		return nil, badRequest(invalidGrant, map[string]string{
			"client_id":     "The code was issued to a different client.",
			"redirect_uri":  "redirect_uri differs from the authorization request.",
			"code_verifier": otherVerifier,
		}[other.Field])
	}
	if first := (*codes.Spent)(nil); errors.As(err, &first) {
		h.Logger.Warn("an authorization code was used twice", "client_id", q.client.ID, "grant", first.Grant)
		if f := h.revokeToken(ctx, q.client.ID, first.Grant, h.grantUntil(), revoke.TokenReplay); f != nil {
			return nil, f
		}
		return nil, badRequest(invalidGrant, "The code was used before, so its tokens have been revoked.")
	}
	switch {
	case errors.Is(err, codes.ErrNoCode):
		return nil, badRequest(invalidGrant, "The code is unknown or has expired.")
	case err != nil:
		return nil, unavailable(err)
	}
	audience, f := q.chooseAudience(code.Audience, h.Issuer.URL())
	if f != nil {
		return nil, f
	}
	g, first, err := h.recordClientUse(ctx, q, code, grant)
	if f := (*fault)(nil); errors.As(err, &f) && f.Code == temporarilyUnavailable {
		return nil, h.putBack(ctx, q, code, f)
	}
	if err != nil {
		return nil, err
	}
	h.traceExchange(c, q, code)
	p := tokenPerson(g)
	p.AuthTime = code.AuthTime
	access, err := h.Issuer.Access(p, q.client.ID, audience, accessID(grant), scopesFor(code.Scopes, audience, h.Issuer.URL()))
	if err != nil {
		return nil, err
	}
	answer := h.newTokenAnswer(access, code.Scopes)
	answer.RefreshToken = first
	if slices.Contains(code.Scopes, "openid") {
		if answer.IDToken, err = h.Issuer.ID(p, q.client.ID, code.Nonce, access, code.Scopes); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// putBack makes a code usable again that could not be exchanged because of f, so that the client may try again. It
// returns f, or invalid_grant if that fails.
func (h *Handlers) putBack(ctx context.Context, q tokenRequest, code codes.Code, f *fault) *fault {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBackTimeout)
	defer cancel()
	if err := h.Codes.PutBack(ctx, q.get("code"), code); err != nil {
		h.Logger.Warn("cannot put an authorization code back", "client_id", q.client.ID, "error", errors.Join(f, err))
		return badRequest(invalidGrant, "The exchange failed, and the code can't be used again.")
	}
	return f
}

// recordClientUse checks that the sign-in is active, and records that it has opened the client. It returns the user,
// and the first refresh token if the grant includes one.
func (h *Handlers) recordClientUse(ctx context.Context, q tokenRequest, code codes.Code, grant string) (store.SignInIdentity, string, error) {
	over := badRequest(invalidGrant, "The sign-in that the code belongs to has ended.")
	now := h.Now()
	g, err := h.Records.SignInIdentity(ctx, code.SID, q.client.ID, now)
	switch {
	case errors.Is(err, store.ErrNotFound) || (err == nil && g.UserID != code.Subject):
		return g, "", over
	case err != nil:
		return g, "", unavailable(err)
	}
	var refresh string
	var first *store.RefreshToken
	if slices.Contains(code.Scopes, "offline_access") && q.client.Allows(clients.RefreshToken) {
		refresh = tokens.NewOpaque()
		first = &store.RefreshToken{
			Hash: tokens.Hash(refresh), Family: grant, UserID: g.UserID, SID: g.SID, ClientID: q.client.ID,
			Scope: strings.Join(code.Scopes, " "), Audience: code.Audience, CreatedAt: now, ExpiresAt: now.Add(h.RefreshLife),
		}
	}
	g.Replica = q.replica
	anew, err := h.Records.RecordClientSignIn(ctx, g, q.client.ID, first, now)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return g, "", over
	case err != nil:
		return g, "", unavailable(err)
	}
	if anew {
		h.NotifyRelay()
	}
	if first == nil {
		return g, "", nil
	}
	// A second use of the code may have come before the family was stored, and found none to revoke. It marks the
	// tombstone first, so one of the two requests detects the other.
	twice, err := h.Codes.PresentedAgain(ctx, q.get("code"))
	if err != nil {
		return g, "", unavailable(err)
	}
	if twice {
		if f := h.revokeToken(ctx, q.client.ID, grant, h.grantUntil(), revoke.TokenReplay); f != nil {
			return g, "", f
		}
	}
	return g, refresh, nil
}

package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
)

// errReplay is the error for a refresh token that was used again after the replay window: its client or an attacker
// has it twice.
var errReplay = errors.New("oidc: a refresh token was used twice")

// refresh handles the refresh token grant (RFC 6749 §6) with rotation (RFC 9700 §4.14.2). Concurrent requests of one
// browser present the same token: within the replay window a used token yields the same successor again. After it, a
// used token revokes its family and ends the sign-in.
func (h *Handlers) refresh(c echo.Context, q tokenRequest) (*tokenAnswer, error) {
	ctx := c.Request().Context()
	presented := q.get("refresh_token")
	if presented == "" {
		return nil, badRequest(invalidRequest, "The parameter refresh_token is missing.")
	}
	r := rotation{tokenRequest: q, presented: presented, issuer: h.Issuer.URL(), now: h.Now(), window: h.ReplayWindow}
	err := h.Records.Rotate(ctx, tokens.Hash(presented), r.now, r.decide)
	if f := (*fault)(nil); errors.As(err, &f) {
		return nil, f
	}
	switch {
	case errors.Is(err, errReplay):
		return nil, h.endReplayed(ctx, r.old)
	case errors.Is(err, store.ErrNotFound):
		return nil, badRequest(invalidGrant, "The refresh token is unknown, or its sign-in has ended.")
	case err != nil:
		return nil, unavailable(err)
	}
	g, err := h.Records.SignInIdentity(ctx, r.old.SID, q.client.ID, r.now)
	if err == nil && g.UserID != r.old.UserID {
		err = store.ErrNotFound
	}
	if err == nil {
		g.Replica = q.replica
		_, err = h.Records.RecordClientSignIn(ctx, g, q.client.ID, nil, r.now)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, badRequest(invalidGrant, "The sign-in that the refresh token belongs to has ended.")
	case err != nil:
		return nil, unavailable(err)
	}
	access, err := h.Issuer.Access(tokenPerson(g), q.client.ID, r.audience, accessID(r.old.Family), scopesFor(r.scopes, r.audience, r.issuer))
	if err != nil {
		return nil, err
	}
	answer := h.newTokenAnswer(access, r.scopes)
	answer.RefreshToken = r.successor
	return answer, nil
}

// rotation decides on one refresh token, and holds the result.
type rotation struct {
	tokenRequest
	presented string
	issuer    string
	now       time.Time
	window    time.Duration

	old       store.RefreshToken
	successor string
	audience  string
	scopes    []string
}

func (r *rotation) decide(old store.RefreshToken) (*store.RefreshToken, string, error) {
	r.old = old
	switch {
	case old.ClientID != r.client.ID:
		return nil, "", badRequest(invalidGrant, "The refresh token was issued to a different client.")
	case !old.RevokedAt.IsZero():
		return nil, "", badRequest(invalidGrant, "The refresh token has been revoked.")
	case !r.now.Before(old.ExpiresAt):
		return nil, "", badRequest(invalidGrant, "The refresh token has expired.")
	case !old.UsedAt.IsZero() && r.now.Sub(old.UsedAt) > r.window:
		return nil, "", errReplay
	}
	var f *fault
	if r.audience, f = r.tokenRequest.chooseAudience(old.Audience, r.issuer); f != nil {
		return nil, "", f
	}
	if r.scopes, f = r.requestedScopes(strings.Fields(old.Scope)); f != nil {
		return nil, "", f
	}
	if !old.UsedAt.IsZero() {
		var err error
		r.successor, err = tokens.OpenSuccessor(r.presented, old.Successor)
		return nil, "", err
	}
	r.successor = tokens.NewOpaque()
	sealed, err := tokens.SealSuccessor(r.presented, r.successor)
	if err != nil {
		return nil, "", err
	}
	next := old
	// The family expires with its first token: rotation does not extend it.
	next.Hash, next.CreatedAt = tokens.Hash(r.successor), r.now
	return &next, sealed, nil
}

// requestedScopes returns the scopes of this access token: those requested, if they were granted (RFC 6749 §6). The
// family keeps all granted scopes.
func (r *rotation) requestedScopes(granted []string) ([]string, *fault) {
	asked := strings.Fields(r.get("scope"))
	if len(asked) == 0 {
		return granted, nil
	}
	for _, s := range asked {
		if !slices.Contains(granted, s) {
			return nil, badRequest(invalidScope, "One of these scopes was not granted.")
		}
	}
	slices.Sort(asked)
	return slices.Compact(asked), nil
}

// endReplayed handles a replay after the window: it ends the sign-in and revokes all its tokens, and returns
// invalid_grant.
func (h *Handlers) endReplayed(ctx context.Context, old store.RefreshToken) error {
	h.Logger.Warn("a refresh token was used twice; ending its sign-in", "client_id", old.ClientID, "sid", old.SID, "sub", old.UserID)
	if err := revoke.Confirmed(h.Revoker.Revoke(ctx, revoke.Request{SID: old.SID, Reason: revoke.TokenReplay, Client: old.ClientID})); err != nil {
		return unavailable(err)
	}
	return badRequest(invalidGrant, "The refresh token was used before, so its sign-in has ended.")
}

package rp

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/hops"
	"gatehouse/sso/token"
)

// The steps of a sign-in are recorded in Config.Hops, with secrets shortened. An error here does not fail the sign-in.

// signedInKey holds, in the request's context, the sub whose sign-in it completed.
const signedInKey = "gatehouse/sso/rp.signedIn"

// arrivalTime returns when the request arrived.
func arrivalTime(c echo.Context) time.Time {
	if v := requestIdentityOf(c); v != nil {
		return v.arrived
	}
	return time.Now()
}

// newHop returns the hop for this request.
func (a *RP) newHop(c echo.Context, kind string) hops.Hop {
	r := c.Request()
	began := arrivalTime(c)
	return hops.Hop{
		Kind: kind, At: began, Took: time.Since(began), From: hops.Browser, To: a.ClientID, Replica: a.Replica,
		Method: r.Method, Address: a.BaseURL + r.URL.Path, Sent: hops.Sent(r),
	}
}

// recordStart records the request that a sign-in began with, and the redirect to the provider.
func (a *RP) recordStart(c echo.Context, state, target string) {
	h := a.newHop(c, hops.Asked)
	r := c.Request()
	switch {
	case r.Header.Get("HX-Request") == "true":
		h.Status = http.StatusOK
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Status = http.StatusSeeOther
	default:
		h.Status = http.StatusFound
	}
	h.Answer = append(hops.Location(target), hops.Cookies(c.Response().Header())...)
	a.Hops.Record(hops.ID(state), h)
}

// recordCallback records the request with the provider's response, and its result.
func (a *RP) recordCallback(c echo.Context, err error) {
	h := a.newHop(c, hops.Callback)
	h.Status = c.Response().Status
	if e := (*echo.HTTPError)(nil); errors.As(err, &e) {
		h.Status = e.Code
	}
	h.Answer = append(hops.Location(c.Response().Header().Get(echo.HeaderLocation)), hops.Cookies(c.Response().Header())...)
	a.Hops.Record(hops.ID(c.QueryParam("state")), h)
}

// recordExchange records the request to the token endpoint.
func (a *RP) recordExchange(c echo.Context, verifier string, began time.Time, set *tokenResponse, err error) {
	h := hops.Hop{
		Kind: hops.Token, At: began, Took: time.Since(began), From: a.ClientID, To: hops.Provider, Replica: a.Replica, Method: http.MethodPost,
		Sent: hops.Values(hops.InForm, url.Values{
			"grant_type": {"authorization_code"}, "code": {c.QueryParam("code")}, "redirect_uri": {a.redirectURI()}, "code_verifier": {verifier},
		}),
	}
	if meta, err := a.provider.metadata(c.Request().Context()); err == nil {
		if u, err := url.Parse(meta.TokenEndpoint); err == nil {
			h.Address = hops.Address(u)
		}
	}
	if a.ClientSecret != "" {
		h.Sent = append([]hops.Value{{In: hops.InHeader, Name: "Client authentication", Text: a.ClientID + " and its secret (not kept)"}}, h.Sent...)
	}
	switch refused := (*refusal)(nil); {
	case errors.As(err, &refused):
		h.Status = http.StatusBadRequest
		h.Answer = hops.Values(hops.InJSON, url.Values{"error": {refused.Code}, "error_description": {refused.Description}})
	case err == nil:
		h.Status = http.StatusOK
		h.Answer = hops.Values(hops.InJSON, nonEmpty(map[string]string{
			"token_type": set.TokenType, "access_token": set.AccessToken, "id_token": set.IDToken, "refresh_token": set.RefreshToken,
			"expires_in": strconv.FormatInt(set.ExpiresIn, 10),
		}))
	}
	a.Hops.Record(hops.ID(c.QueryParam("state")), h)
}

// recordUserinfo records the request to the userinfo endpoint.
func (a *RP) recordUserinfo(c echo.Context, began time.Time) {
	h := hops.Hop{
		Kind: hops.Userinfo, At: began, Took: time.Since(began), From: a.ClientID, To: hops.Provider, Replica: a.Replica, Method: http.MethodGet, Status: http.StatusOK,
		Sent: []hops.Value{{In: hops.InHeader, Name: "Authorization", Text: "Bearer and the access token"}},
	}
	if meta, err := a.provider.metadata(c.Request().Context()); err == nil {
		if u, err := url.Parse(meta.UserinfoEndpoint); err == nil {
			h.Address = hops.Address(u)
		}
	}
	a.Hops.Record(hops.ID(c.QueryParam("state")), h)
}

// recordVerified records the check of the ID token, and sets the sub that the flow is assigned to.
func (a *RP) recordVerified(c echo.Context, claims *token.IDClaims, began time.Time) {
	h := hops.Hop{Kind: hops.Verified, At: began, Took: time.Since(began), From: a.ClientID, To: a.ClientID, Replica: a.Replica}
	add := func(in, name, text string) { h.Sent = append(h.Sent, hops.Value{In: in, Name: name, Text: text}) }
	add(hops.InClaim, "iss", claims.Issuer)
	add(hops.InClaim, "aud", strings.Join(claims.Audience, " "))
	add(hops.InClaim, "sub", claims.Subject)
	add(hops.InClaim, "nonce", hops.Short(claims.Nonce))
	if claims.SID != "" {
		add(hops.InClaim, "sid", hops.Short(claims.SID))
	}
	if claims.ExpiresAt != nil {
		add(hops.InClaim, "exp", claims.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if claims.AuthTime != nil {
		add(hops.InClaim, "auth_time", claims.AuthTime.UTC().Format(time.RFC3339))
	}
	a.Hops.Record(hops.ID(c.QueryParam("state")), h)
	c.Set(signedInKey, claims.Subject)
}

// assignTrace assigns the completed flow to its user, who may then look at it.
func (a *RP) assignTrace(c echo.Context) {
	if sub, ok := c.Get(signedInKey).(string); ok {
		a.Hops.File(hops.ID(c.QueryParam("state")), a.ClientID, a.Issuer, sub)
	}
}

// nonEmpty returns the members that are not empty.
func nonEmpty(members map[string]string) url.Values {
	v := url.Values{}
	for name, value := range members {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

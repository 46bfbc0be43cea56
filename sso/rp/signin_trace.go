package rp

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/token"
	"gatehouse/sso/trace"
)

// The steps of a sign-in are recorded in Config.Trace, with secrets shortened. An error here does not fail the sign-in.

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
func (a *RP) newHop(c echo.Context, kind string) trace.Step {
	r := c.Request()
	began := arrivalTime(c)
	return trace.Step{
		Kind: kind, At: began, Took: time.Since(began), From: trace.Browser, To: a.ClientID, Replica: a.Replica,
		Method: r.Method, Address: a.BaseURL + r.URL.Path, Sent: trace.Sent(r),
	}
}

// recordStart records the request that a sign-in began with, and the redirect to the provider.
func (a *RP) recordStart(c echo.Context, state, target string) {
	h := a.newHop(c, trace.Started)
	r := c.Request()
	switch {
	case r.Header.Get("HX-Request") == "true":
		h.Status = http.StatusOK
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Status = http.StatusSeeOther
	default:
		h.Status = http.StatusFound
	}
	h.Answer = append(trace.Location(target), trace.Cookies(c.Response().Header())...)
	a.Trace.Record(trace.ID(state), h)
}

// recordCallback records the request with the provider's response, and its result.
func (a *RP) recordCallback(c echo.Context, err error) {
	h := a.newHop(c, trace.Callback)
	h.Status = c.Response().Status
	if e := (*echo.HTTPError)(nil); errors.As(err, &e) {
		h.Status = e.Code
	}
	h.Answer = append(trace.Location(c.Response().Header().Get(echo.HeaderLocation)), trace.Cookies(c.Response().Header())...)
	a.Trace.Record(trace.ID(c.QueryParam("state")), h)
}

// recordExchange records the request to the token endpoint.
func (a *RP) recordExchange(c echo.Context, verifier string, began time.Time, set *tokenResponse, err error) {
	h := trace.Step{
		Kind: trace.Token, At: began, Took: time.Since(began), From: a.ClientID, To: trace.Provider, Replica: a.Replica, Method: http.MethodPost,
		Sent: trace.Values(trace.InForm, url.Values{
			"grant_type": {"authorization_code"}, "code": {c.QueryParam("code")}, "redirect_uri": {a.redirectURI()}, "code_verifier": {verifier},
		}),
	}
	if meta, err := a.provider.metadata(c.Request().Context()); err == nil {
		if u, err := url.Parse(meta.TokenEndpoint); err == nil {
			h.Address = trace.Address(u)
		}
	}
	if a.ClientSecret != "" {
		h.Sent = append([]trace.Value{{In: trace.InHeader, Name: "Client authentication", Text: a.ClientID + " and its secret (not kept)"}}, h.Sent...)
	}
	switch refused := (*refusal)(nil); {
	case errors.As(err, &refused):
		h.Status = http.StatusBadRequest
		h.Answer = trace.Values(trace.InJSON, url.Values{"error": {refused.Code}, "error_description": {refused.Description}})
	case err == nil:
		h.Status = http.StatusOK
		h.Answer = trace.Values(trace.InJSON, nonEmpty(map[string]string{
			"token_type": set.TokenType, "access_token": set.AccessToken, "id_token": set.IDToken, "refresh_token": set.RefreshToken,
			"expires_in": strconv.FormatInt(set.ExpiresIn, 10),
		}))
	}
	a.Trace.Record(trace.ID(c.QueryParam("state")), h)
}

// recordUserinfo records the request to the userinfo endpoint.
func (a *RP) recordUserinfo(c echo.Context, began time.Time) {
	h := trace.Step{
		Kind: trace.Userinfo, At: began, Took: time.Since(began), From: a.ClientID, To: trace.Provider, Replica: a.Replica, Method: http.MethodGet, Status: http.StatusOK,
		Sent: []trace.Value{{In: trace.InHeader, Name: "Authorization", Text: "Bearer and the access token"}},
	}
	if meta, err := a.provider.metadata(c.Request().Context()); err == nil {
		if u, err := url.Parse(meta.UserinfoEndpoint); err == nil {
			h.Address = trace.Address(u)
		}
	}
	a.Trace.Record(trace.ID(c.QueryParam("state")), h)
}

// recordVerified records the check of the ID token, and sets the sub that the flow is assigned to.
func (a *RP) recordVerified(c echo.Context, claims *token.IDClaims, began time.Time) {
	h := trace.Step{Kind: trace.Verified, At: began, Took: time.Since(began), From: a.ClientID, To: a.ClientID, Replica: a.Replica}
	add := func(in, name, text string) { h.Sent = append(h.Sent, trace.Value{In: in, Name: name, Text: text}) }
	add(trace.InClaim, "iss", claims.Issuer)
	add(trace.InClaim, "aud", strings.Join(claims.Audience, " "))
	add(trace.InClaim, "sub", claims.Subject)
	add(trace.InClaim, "nonce", trace.Short(claims.Nonce))
	if claims.SID != "" {
		add(trace.InClaim, "sid", trace.Short(claims.SID))
	}
	if claims.ExpiresAt != nil {
		add(trace.InClaim, "exp", claims.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if claims.AuthTime != nil {
		add(trace.InClaim, "auth_time", claims.AuthTime.UTC().Format(time.RFC3339))
	}
	a.Trace.Record(trace.ID(c.QueryParam("state")), h)
	c.Set(signedInKey, claims.Subject)
}

// assignTrace assigns the completed flow to its user, who may then look at it.
func (a *RP) assignTrace(c echo.Context) {
	if sub, ok := c.Get(signedInKey).(string); ok {
		a.Trace.Assign(trace.ID(c.QueryParam("state")), a.ClientID, a.Issuer, sub)
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

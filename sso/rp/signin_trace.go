package rp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse.example/sso/token"
	"gatehouse.example/sso/trace"
)

// The steps of a sign-in are recorded in Config.Trace, with secrets shortened: the browser's requests by
// recordResponse, the app's requests to the provider by tracingTransport, and the checks of the ID token, which are no
// request, by recordVerified. None of them can fail a sign-in.

// recordResponse records the response to r if it begins or completes a sign-in.
func (a *RP) recordResponse(w http.ResponseWriter, r *http.Request, began time.Time) {
	a.recordBegin(w, r, began)
	if s := stateOf(r.Context()); s.flow != "" {
		a.recordCallback(w, r, s, began)
	}
}

// recordBegin records a request that was answered with a redirect to the provider's authorization endpoint.
func (a *RP) recordBegin(w http.ResponseWriter, r *http.Request, began time.Time) {
	target := cmp.Or(w.Header().Get("Location"), w.Header().Get("HX-Redirect"))
	if target == "" {
		return // as almost all responses are
	}
	u, err := url.Parse(target)
	if err != nil || u.Query().Get("client_id") != a.ClientID || u.Query().Get("redirect_uri") != a.redirectURI() {
		return
	}
	step := a.browserStep(trace.Started, w, r, began, target)
	switch {
	case r.Header.Get("HX-Request") == "true":
		step.Status = http.StatusOK
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		step.Status = http.StatusFound
	}
	a.Trace.Record(trace.ID(u.Query().Get("state")), step)
}

// recordCallback records the request with the provider's response to a sign-in of this browser, and assigns a completed
// sign-in to its user, who may then look at it.
func (a *RP) recordCallback(w http.ResponseWriter, r *http.Request, s *requestState, began time.Time) {
	step := a.browserStep(trace.Callback, w, r, began, w.Header().Get("Location"))
	if e := (*Error)(nil); errors.As(s.failure, &e) {
		step.Status = e.Status
	}
	a.Trace.Record(s.flow, step)
	if s.signedIn != "" {
		a.Trace.Assign(s.flow, a.ClientID, a.Issuer, s.signedIn)
	}
}

// browserStep returns the step for a request that was answered with a 303 redirect to target.
func (a *RP) browserStep(kind string, w http.ResponseWriter, r *http.Request, began time.Time, target string) trace.Step {
	return trace.Step{
		Kind: kind, At: began, Took: time.Since(began), From: trace.Browser, To: a.ClientID, Replica: a.Replica,
		Method: r.Method, Address: a.BaseURL + r.URL.Path, Sent: trace.Sent(r), Status: http.StatusSeeOther,
		Answer: append(trace.Location(target), trace.Cookies(w.Header())...),
	}
}

// recordVerified records the check of the ID token that completed a sign-in.
func (a *RP) recordVerified(s *requestState, claims *token.IDClaims, began time.Time) {
	step := trace.Step{Kind: trace.Verified, At: began, Took: time.Since(began), From: a.ClientID, To: a.ClientID, Replica: a.Replica}
	add := func(name, text string) {
		step.Sent = append(step.Sent, trace.Value{In: trace.InClaim, Name: name, Text: text})
	}
	add("iss", claims.Issuer)
	add("aud", strings.Join(claims.Audience, " "))
	add("sub", claims.Subject)
	add("nonce", trace.Short(claims.Nonce))
	if claims.SID != "" {
		add("sid", trace.Short(claims.SID))
	}
	if claims.ExpiresAt != nil {
		add("exp", claims.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if claims.AuthTime != nil {
		add("auth_time", claims.AuthTime.UTC().Format(time.RFC3339))
	}
	a.Trace.Record(s.flow, step)
	s.signedIn = claims.Subject
}

// tracingTransport is the transport of requests to the token and userinfo endpoints. It records those of a sign-in,
// which it finds in the request's context.
type tracingTransport struct {
	config Config
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t tracingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	s := stateOf(r.Context())
	if s == nil || s.flow == "" {
		return t.next.RoundTrip(r)
	}
	step := trace.Step{
		Kind: trace.Userinfo, At: time.Now(), From: t.config.ClientID, To: trace.Provider, Replica: t.config.Replica,
		Method: r.Method, Address: trace.Address(r.URL),
		Sent: []trace.Value{{In: trace.InHeader, Name: "Authorization", Text: "Bearer and the access token"}},
	}
	if r.Method == http.MethodPost {
		step.Kind, step.Sent = trace.Token, t.sentForm(r)
	}
	res, err := t.next.RoundTrip(r)
	if err == nil {
		step.Status = res.StatusCode
		if step.Kind == trace.Token {
			step.Answer = tokenAnswer(res)
		}
	}
	step.Took = time.Since(step.At)
	t.config.Trace.Record(s.flow, step)
	return res, err
}

// sentForm returns what is recorded of a request to the token endpoint.
func (t tracingTransport) sentForm(r *http.Request) (sent []trace.Value) {
	if t.config.ClientSecret != "" {
		sent = append(sent, trace.Value{In: trace.InHeader, Name: "Client authentication", Text: t.config.ClientID + " and its secret (not kept)"})
	}
	body, err := r.GetBody()
	if err != nil {
		return sent
	}
	raw, _ := io.ReadAll(body) // a string
	form, _ := url.ParseQuery(string(raw))
	return append(sent, trace.Values(trace.InForm, form)...)
}

// tokenAnswer returns what is recorded of a response of the token endpoint, whose body can be read again afterwards.
func tokenAnswer(res *http.Response) []trace.Value {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, maxResponse)) // the next reader gets the error
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(raw), res.Body), res.Body}
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&members) != nil {
		return nil
	}
	answer := url.Values{}
	for _, name := range []string{"token_type", "access_token", "id_token", "refresh_token", "expires_in", "error", "error_description"} {
		if value := members[name]; value != nil && value != "" {
			answer.Set(name, fmt.Sprint(value))
		}
	}
	return trace.Values(trace.InJSON, answer)
}

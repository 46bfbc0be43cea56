package oidc

import (
	"errors"
	"net/url"

	"gatehouse.example/portal/clients"
	"gatehouse.example/web"
)

// What the fuzz targets look at.

// Registered are clients for tests.
type Registered map[string]clients.Client

// Client finds one.
func (r Registered) Client(id string) (clients.Client, bool) { c, ok := r[id]; return c, ok }

// KnowsScope knows none but the clients' own.
func (r Registered) KnowsScope(string) bool { return false }

// Authorize reads a request: it tells where the answer would go ("" for a page),
// or a fault that is neither a page nor a redirect.
func Authorize(raw string, reg Registered) (to string, ok bool, strange error) {
	sent, _ := url.ParseQuery(raw)
	q, err := readAuthorize(sent, reg, "http://portal.test")
	if page := (*web.Error)(nil); errors.As(err, &page) {
		return "", false, nil
	}
	if back := (*redirectFault)(nil); errors.As(err, &back) {
		return back.URI, false, nil
	}
	if err != nil {
		return "", false, err
	}
	return q.RedirectURI, true, nil
}

// Credentials reads what a client authenticates with.
func Credentials(header []string, body string) (method, id, secret string, err error) {
	sent, _ := url.ParseQuery(body)
	c, f := readCredentials(header, readParams(sent))
	if f != nil {
		return "", "", "", f
	}
	return c.Method, c.ID, c.Secret, nil
}

var (
	// ParseBasic reads a Basic header.
	ParseBasic = parseBasic
	// ChallengeOf computes the challenge of a PKCE verifier.
	ChallengeOf = challengeOf
	// ReplicaOf reads a User-Agent.
	ReplicaOf = replicaOf
	// WithQuery adds an answer to a URI.
	WithQuery = withQuery
)

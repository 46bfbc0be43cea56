package oidc

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"gatehouse/portal/clients"
)

// credentials are what a client authenticates with.
type credentials struct{ Method, ID, Secret string }

// readCredentials finds out how a client authenticates: exactly one way (RFC 6749
// §2.3). header are the values of Authorization.
func readCredentials(header []string, p params) (credentials, *fault) {
	if f := p.check("client_id", "client_secret", "client_assertion", "client_assertion_type"); f != nil {
		return credentials{}, f
	}
	if p.get("client_assertion") != "" || p.get("client_assertion_type") != "" {
		return credentials{}, unauthenticated("Client assertions are not supported.")
	}
	switch {
	case len(header) > 1:
		return credentials{}, badRequest(invalidRequest, "There is more than one Authorization header.")
	case len(header) == 1:
		id, secret, ok := parseBasic(header[0])
		switch {
		case !ok:
			return credentials{}, unauthenticated("The Authorization header is not well-formed Basic authentication.")
		case p.get("client_secret") != "":
			return credentials{}, badRequest(invalidRequest, "The client authenticates in more than one way.")
		case p.get("client_id") != "" && p.get("client_id") != id:
			return credentials{}, badRequest(invalidRequest, "client_id is not the client that authenticates.")
		}
		return credentials{Method: clients.SecretBasic, ID: id, Secret: secret}, nil
	case p.get("client_id") == "":
		return credentials{}, unauthenticated("The client does not say which it is.")
	case p.get("client_secret") != "":
		return credentials{Method: clients.SecretPost, ID: p.get("client_id"), Secret: p.get("client_secret")}, nil
	}
	return credentials{Method: clients.Public, ID: p.get("client_id")}, nil
}

// parseBasic reads Basic authentication of a client, whose id and secret are each
// form-encoded first (RFC 6749 §2.3.1).
func parseBasic(header string) (id, secret string, ok bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") || len(rest) > 2000 {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return "", "", false
	}
	a, b, ok := strings.Cut(string(raw), ":")
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(a)
	secret, err2 := url.QueryUnescape(b)
	ok = err1 == nil && err2 == nil && id != "" && len(id) <= limits["client_id"] && utf8.ValidString(id) && utf8.ValidString(secret)
	return id, secret, ok
}

// authenticate is the client that r comes from. A client uses the method that it
// is registered for, and no other.
func (h *Handlers) authenticate(ctx context.Context, header []string, p params) (clients.Client, *fault) {
	cred, f := readCredentials(header, p)
	if f != nil {
		return clients.Client{}, f
	}
	client, ok := h.Clients.Client(ctx, cred.ID)
	if !ok {
		return clients.Client{}, unauthenticated("The client or its secret is not right.")
	}
	if client.AuthMethod != cred.Method {
		return clients.Client{}, unauthenticated("This client is registered to authenticate with " + client.AuthMethod + ".")
	}
	if cred.Method != clients.Public && !client.HasSecret(cred.Secret) {
		return clients.Client{}, unauthenticated("The client or its secret is not right.")
	}
	return client, nil
}

// unauthenticated is RFC 6749 §5.2's invalid_client.
func unauthenticated(description string) *fault {
	return &fault{Status: http.StatusUnauthorized, Code: invalidClient, Description: description, Challenge: `Basic realm="gatehouse", charset="UTF-8"`}
}

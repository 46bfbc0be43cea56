package oidc

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
)

// credentials are what a client authenticates with.
type credentials struct{ Method, ID, Secret string }

// readCredentials returns the credentials of a client, which must use exactly one method (RFC 6749 §2.3). header are
// the values of the Authorization header.
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
			return credentials{}, unauthenticated("The Authorization header is not valid Basic authentication.")
		case p.get("client_secret") != "":
			return credentials{}, badRequest(invalidRequest, "The client used more than one authentication method.")
		case p.get("client_id") != "" && p.get("client_id") != id:
			return credentials{}, badRequest(invalidRequest, "client_id differs from the client in the Authorization header.")
		}
		return credentials{Method: clients.SecretBasic, ID: id, Secret: secret}, nil
	case p.get("client_id") == "":
		return credentials{}, unauthenticated("client_id is missing.")
	case p.get("client_secret") != "":
		return credentials{Method: clients.SecretPost, ID: p.get("client_id"), Secret: p.get("client_secret")}, nil
	}
	return credentials{Method: clients.Public, ID: p.get("client_id")}, nil
}

// maxBasic is the length in base64 of the longest id and secret, each character of which may be percent-encoded.
const maxBasic = (3*(clients.MaxID+clients.MaxSecret) + len(":") + 2) / 3 * 4

// parseBasic parses a client's Basic authentication, whose id and secret are each form-encoded first (RFC 6749
// §2.3.1).
func parseBasic(header string) (id, secret string, ok bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") || len(rest) > maxBasic {
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

// unknownClientHash is a hash without a known preimage. It is compared if there is no client, so that an unknown client
// takes the same time as a wrong secret.
const unknownClientHash = "0000000000000000000000000000000000000000000000000000000000000000"

// authenticateForm returns the parameters of a POST and the client that sent it.
func (h *Handlers) authenticateForm(c echo.Context) (params, clients.Client, *fault) {
	p, f := readForm(c)
	if f != nil {
		return p, clients.Client{}, f
	}
	r := c.Request()
	client, f := h.authenticate(r.Context(), r.Header.Values(echo.HeaderAuthorization), p)
	return p, client, f
}

// authenticate returns the client that sent the request. A client may use only the method that it is registered for.
// Every failure has the same response and the same cost, so that it does not reveal which clients are registered;
// the reason is logged.
func (h *Handlers) authenticate(ctx context.Context, header []string, p params) (clients.Client, *fault) {
	cred, f := readCredentials(header, p)
	if f != nil {
		return clients.Client{}, f
	}
	client, known := h.Clients.Client(ctx, cred.ID)
	compared := client
	if compared.SecretSHA256 == "" {
		compared.SecretSHA256 = unknownClientHash
	}
	right := compared.HasSecret(cred.Secret) || cred.Method == clients.Public
	if known && right && client.AuthMethod == cred.Method {
		return client, nil
	}
	reason := "the secret is wrong"
	switch {
	case !known:
		reason = "the client is unknown or disabled"
	case client.AuthMethod != cred.Method:
		reason = "the client is registered for " + client.AuthMethod + ", not " + cred.Method
	}
	h.Logger.InfoContext(ctx, "client authentication failed", "client_id", cred.ID, "reason", reason)
	return clients.Client{}, unauthenticated("Unknown client, wrong secret or wrong authentication method.")
}

// unauthenticated returns the error invalid_client of RFC 6749 §5.2.
func unauthenticated(description string) *fault {
	return &fault{Status: http.StatusUnauthorized, Code: invalidClient, Description: description, Challenge: `Basic realm="gatehouse", charset="UTF-8"`}
}

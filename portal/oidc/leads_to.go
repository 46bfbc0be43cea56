package oidc

import (
	"context"
	"net/url"
)

// LeadsTo are the origins where a browser may end that is sent on to path, a local
// one, by a form: those of the client, if path is an authorization request. Chromium
// follows the redirects after a form with Content-Security-Policy form-action.
func (h *Handlers) LeadsTo(ctx context.Context, path string) []string {
	u, err := url.Parse(path)
	if err != nil || u.Path != AuthorizePath {
		return nil
	}
	client, ok := h.Clients.Client(ctx, u.Query().Get("client_id"))
	if !ok {
		return nil
	}
	return client.Origins()
}

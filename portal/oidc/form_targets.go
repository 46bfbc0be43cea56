package oidc

import (
	"context"
	"net/url"
)

// FormTargets returns the origins, besides the portal's own, that a browser may be redirected to by a form that leads
// to path, a local path: those of the client, if path is an authorization request. Chromium applies the
// Content-Security-Policy directive form-action to the redirects after a form.
func (h *Handlers) FormTargets(ctx context.Context, path string) []string {
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

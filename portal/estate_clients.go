package portal

import (
	"gatehouse.example/portal/clients"
	"gatehouse.example/web"
)

// Client is the declaration of a client; see package clients.
type Client = clients.Client

// API is an API of another app, which an app may call for itself or for a user.
type API struct {
	Service string // "" for none
	Scope   string
}

// EstateClients returns the estate's own apps as clients. secrets and apis hold their secrets, and the APIs that they
// call, by client id.
func EstateClients(estate web.Estate, secrets map[string]string, apis map[string]API) []Client {
	var all []Client
	for _, app := range estate.Apps() {
		if app.Key == service {
			continue
		}
		c := AppClient(app.Key, app.Name, secrets[app.Key], estate.URL(app.Key))
		if api := apis[app.Key]; api.Service != "" {
			c.GrantTypes = append(c.GrantTypes, clients.ClientCredentials)
			c.Scopes = append(c.Scopes, api.Scope)
			c.Audiences = []string{estate.URL(api.Service)}
		}
		all = append(all, c)
	}
	return all
}

// AppClient returns the declaration of an app that serves package rp at origin.
func AppClient(id, name, secret, origin string) Client {
	return Client{
		ID: id, Name: name, Secret: secret,
		RedirectURIs:           []string{origin + "/auth/callback"},
		PostLogoutRedirectURIs: []string{origin + "/auth/signed-out"},
		BackchannelLogoutURI:   origin + "/auth/backchannel-logout",
		AuthMethod:             clients.SecretBasic,
		GrantTypes:             []string{clients.AuthorizationCode, clients.RefreshToken},
		Scopes:                 []string{"openid", "profile", "email", "roles", "offline_access"},
	}
}

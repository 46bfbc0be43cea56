package portal

import (
	"gatehouse/portal/clients"
	"gatehouse/web"
)

// Client is the declaration of a client; see package clients.
type Client = clients.Client

// The paths that package rp mounts in every app of the estate.
const (
	appCallback    = "/auth/callback"
	appSignedOut   = "/auth/signed-out"
	appBackchannel = "/auth/backchannel-logout"
)

// Calls is the API of another app that an app calls, for itself or for a user.
type Calls struct {
	Service string // "" for none
	Scope   string
}

// EstateClients returns the estate's own apps as clients, with their secrets and the APIs that they call, both by client id.
func EstateClients(estate web.Estate, secrets map[string]string, calls map[string]Calls) []Client {
	var all []Client
	for _, app := range estate.Apps() {
		if app.Key == service {
			continue
		}
		origin := estate.URL(app.Key)
		c := Client{
			ID: app.Key, Name: app.Name, Secret: secrets[app.Key],
			RedirectURIs:           []string{origin + appCallback},
			PostLogoutRedirectURIs: []string{origin + appSignedOut},
			BackchannelLogoutURI:   origin + appBackchannel,
			AuthMethod:             clients.SecretBasic,
			GrantTypes:             []string{clients.AuthorizationCode, clients.RefreshToken},
			Scopes:                 []string{"openid", "profile", "email", "roles", "offline_access"},
		}
		if api := calls[app.Key]; api.Service != "" {
			c.GrantTypes = append(c.GrantTypes, clients.ClientCredentials)
			c.Scopes = append(c.Scopes, api.Scope)
			c.Audiences = []string{estate.URL(api.Service)}
		}
		all = append(all, c)
	}
	return all
}

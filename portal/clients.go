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

// The scopes of the apps' APIs.
const (
	purchasesRead = "purchases:read" // query the shop's verified buyers
	analyticsRead = "analytics:read" // read the figures of the dashboard of analytics
	forumTopics   = "forum.topics"   // open threads in the forum about the client's content
)

// EstateClients returns the declarations of the estate's apps. secrets are their client secrets by client id.
func EstateClients(estate web.Estate, secrets map[string]string) []Client {
	app := func(id, name string) Client {
		origin := estate.URL(id)
		return Client{
			ID: id, Name: name, Secret: secrets[id],
			RedirectURIs:           []string{origin + appCallback},
			PostLogoutRedirectURIs: []string{origin + appSignedOut},
			BackchannelLogoutURI:   origin + appBackchannel,
			AuthMethod:             clients.SecretBasic,
			GrantTypes:             []string{clients.AuthorizationCode, clients.RefreshToken},
			Scopes:                 []string{"openid", "profile", "email", "roles", "offline_access"},
		}
	}
	shop, forum, analytics, academy := app("shop", "Shop"), app("forum", "Forum"), app("analytics", "Analytics"), app("academy", "Academy")
	// The forum asks the shop's API whether a user is a verified buyer.
	forum.GrantTypes = append(forum.GrantTypes, clients.ClientCredentials)
	forum.Scopes = append(forum.Scopes, purchasesRead)
	forum.Audiences = []string{estate.URL("shop")}
	// The shop reads the figures of analytics: for itself, and for an analyst who is signed in to the shop.
	shop.GrantTypes = append(shop.GrantTypes, clients.ClientCredentials)
	shop.Scopes = append(shop.Scopes, analyticsRead)
	shop.Audiences = []string{estate.URL("analytics")}
	// The academy opens the forum thread of a lesson, in its own name.
	academy.GrantTypes = append(academy.GrantTypes, clients.ClientCredentials)
	academy.Scopes = append(academy.Scopes, forumTopics)
	academy.Audiences = []string{estate.URL("forum")}
	return []Client{shop, forum, analytics, academy}
}

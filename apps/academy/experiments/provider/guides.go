package provider

import "gatehouse.example/apps/academy/lab"

// guides returns panels that say where other providers show the three settings. They contain what the providers
// document; the discovery document is authoritative for what a tenant really offers.
func guides() []lab.Panel {
	return []lab.Panel{
		{ID: "ten-lines", Title: "The bank's ten lines", Text: "The same for every provider. Only the first three settings differ.", Code: `auth, err := echorp.New(rp.Config{
	Issuer:       os.Getenv("ISSUER"),
	ClientID:     os.Getenv("CLIENT_ID"),
	ClientSecret: os.Getenv("CLIENT_SECRET"),
	BaseURL:      os.Getenv("BASE_URL"),
	Service:      "bank",
	Keys:         [][]byte{[]byte(os.Getenv("KEY"))},
	Redis:        redis.NewClient(store),
})
auth.Mount(e)
e.GET("/account", account, auth.Required)`},
		{ID: "auth0", Title: "Auth0",
			Text: "Applications, your Regular Web Application, Settings: Domain, Client ID and Client Secret. The callback goes under Allowed Callback URLs, the signed-out address under Allowed Logout URLs. " +
				"Sign-out by the standard's end-session endpoint is listed in the discovery document once RP-Initiated Logout End Session Endpoint Discovery is on. " +
				"Back-channel logout is for Enterprise plans: Settings, OpenID Connect Back-Channel Logout; it takes https and a public address.",
			Code: settings("https://YOUR_TENANT.eu.auth0.com/", "with the slash at its end")},
		{ID: "okta", Title: "Okta",
			Text: "Applications, your OIDC Web Application, General: Client ID and client secret, Sign-in redirect URIs, Sign-out redirect URIs. The issuer is that of the authorization server: the org's own, or a custom one such as default. " +
				"Okta documents sign-out that an app begins, and Single Logout over the front channel (through the browser). Ask the discovery document for backchannel_logout_supported before you rely on it: without it the bank's session lives until it ends by itself.",
			Code: settings("https://YOUR_ORG.okta.com/oauth2/default", "custom server; the org's own is https://YOUR_ORG.okta.com")},
		{ID: "cognito", Title: "Amazon Cognito",
			Text: "User pool, App clients: Client ID and Client secret, Allowed callback URLs, Allowed sign-out URLs. The pool needs a domain for its pages. The issuer is the pool's, not the domain's. " +
				"Its sign-out endpoint, /logout on the domain, takes client_id and logout_uri instead of the standard's post_logout_redirect_uri, so that sign-out there needs a line of your own. " +
				"Its documentation knows no back-channel logout to apps.",
			Code: settings("https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID", "no slash at its end")},
		{ID: "keycloak", Title: "Keycloak",
			Text: "Realm, Clients, a client of the type OpenID Connect with Client authentication on. Its secret is under Credentials; Valid redirect URIs and Valid post logout redirect URIs are under Settings. " +
				"Back-channel logout is there: put the bank's /auth/backchannel-logout into Backchannel logout URL and switch Backchannel logout session required on.",
			Code: settings("https://YOUR_HOST/realms/YOUR_REALM", "before version 17 with /auth in front of /realms")},
	}
}

// settings returns the three settings and the addresses to register.
func settings(issuer, remark string) string {
	return "ISSUER=" + issuer + "   # " + remark + "\nCLIENT_ID=…\nCLIENT_SECRET=…\n\n" +
		"redirect:             https://YOUR_APP/auth/callback\n" +
		"after sign-out:       https://YOUR_APP/auth/signed-out\n" +
		"back-channel logout:  https://YOUR_APP/auth/backchannel-logout"
}

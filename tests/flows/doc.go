// Package flows signs in to a running Gatehouse with third-party code: go-oidc and x/oauth2, npm's openid-client, and a
// browser behind Debian's nginx.
package flows

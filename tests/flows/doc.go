// Package flows lets other people's code sign in at a running Gatehouse: go-oidc and x/oauth2, npm's openid-client,
// and a browser behind Debian's nginx.
package flows

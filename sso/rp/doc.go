// Package rp is the relying party of an Echo app: it signs users in at an OpenID Connect provider, Gatehouse or any
// other.
//
//	auth, err := rp.New(rp.Config{Issuer: "https://id.example.com", ClientID: "shop", ClientSecret: secret,
//		BaseURL: "https://shop.example.com", Service: "shop", Keys: [][]byte{key}, Redis: rdb})
//	auth.Mount(e)
//	e.GET("/orders", orders, auth.Required)
//
//	browser ── GET /orders ──▶ Required: no session
//	        ◀─ 302 authorization endpoint ─┐  state, nonce, PKCE verifier and the page to return to
//	                                       │  are kept in a sealed cookie of this browser (flow.go)
//	        ── sign-in at the provider, or none if it knows the browser
//	        ── GET /auth/callback?code&state&iss ──▶ callback.go
//	                                       │  code → tokens at the token endpoint (provider.go)
//	                                       │  ID token checked (sso/token), session begun (sso/session)
//	        ◀─ 303 /orders ────────────────┘
//
//	browser ── POST /auth/sign-out ──▶ own session ends, 303 to the provider's end-session endpoint
//	provider ─ POST /auth/backchannel-logout ──▶ every session of that sign-in ends, on every replica
//
// A middleware sets each request's [Identity] at the cost of one round trip to Redis. When Redis does not answer, pages
// that require a sign-in answer 503 and keep the cookie, and public pages are shown as to a guest.
package rp

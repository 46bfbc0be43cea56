// Package rp is the relying party of an app on net/http: it signs users in at an OpenID Connect provider, Gatehouse or
// any other. Package echorp adapts it to Echo.
//
//	auth, err := rp.New(rp.Config{Issuer: "https://id.example.com", ClientID: "shop", ClientSecret: secret,
//		BaseURL: "https://shop.example.com", Service: "shop", Keys: [][]byte{key}, Redis: rdb})
//	auth.Mount(mux)
//	mux.Handle("GET /orders", auth.Required(orders)) // its user is rp.From(r)
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
// [RP.Optional] and [RP.Required] find out each request's [Identity] at the cost of one round trip to Redis. When Redis
// does not answer, pages that require a sign-in answer 503 and keep the cookie, and public pages are shown as to a
// guest.
package rp

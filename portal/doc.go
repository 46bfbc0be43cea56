// Package portal is the identity provider: one sign-in that every app of the estate, and any other registered
// client, can rely on (OpenID Connect Core 1.0).
//
// The flow of a sign-in:
//
//	browser                         portal                                     app
//	   │  GET /page ─────────────────────────────────────────────────────────▶ │
//	   │ ◀───────────── 302 /oauth/authorize?client_id&redirect_uri&state&nonce&code_challenge
//	   │  GET /oauth/authorize ────▶ │ oidc: validate client, redirect URI, scopes, PKCE challenge
//	   │                             │ portal_session? ── no, or prompt=login, or max_age ──┐
//	   │ ◀── 303 /sign-in?return_to=/oauth/authorize…(&reauth=1) ───────────────────────────┘
//	   │  GET, POST /sign-in ──────▶ │ account: password, ratelimit → sign_ins, portal_session
//	   │ ◀── 303 /oauth/authorize… ──│
//	   │  GET /oauth/authorize ────▶ │ ── yes: code, 60 s in Redis (codes), bound to client,
//	   │                             │         redirect URI, PKCE challenge and sid
//	   │ ◀── 303 redirect_uri?code&state&iss ─│
//	   │  GET /auth/callback ────────────────────────────────────────────────▶ │
//	   │                             │ ◀── POST /oauth/token code, verifier, secret ──│
//	   │                             │ use up the code; check that the sign-in is active;
//	   │                             │ record that it opened this client; sign (keys, tokens)
//	   │                             │ ── ID token, access token, refresh token ────▶ │
//	   │ ◀──────────────────────────────────── 303 /page, app session ────────── │
//
// The flow of a sign-out, requested at the portal (/sign-out) or by an app (/oauth/logout with an ID token of this
// sign-in):
//
//	revoke: one transaction { sign-in ended, refresh tokens revoked, event,
//	        outbox of the denylist, back-channel outbox }
//	        → denylist in Redis, which every replica of every service confirms
//	        → portal sessions of this sid are deleted from Redis
//	        → backchannel: logout tokens to every client it opened, in parallel,
//	        two seconds each → "You're signed out"
//	        a client that did not answer is retried for a day, by any replica
//
// Users, sign-ins, clients, keys, refresh tokens and outboxes are stored in the database (store); sessions, codes
// and denials in Redis (sso/session, codes). Registered clients and parsed keys are also cached in memory.
package portal

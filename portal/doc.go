// Package portal is the identity provider: one sign-in that every app of the
// estate, and any other registered client, can rely on (OpenID Connect Core 1.0).
//
// The way of a sign-in:
//
//	browser                         portal                                     app
//	   │  GET /page ─────────────────────────────────────────────────────────▶ │
//	   │ ◀───────────── 302 /oauth/authorize?client_id&redirect_uri&state&nonce&code_challenge
//	   │  GET /oauth/authorize ────▶ │ oidc: who asks, where may answers go, what is asked for
//	   │                             │ portal_session? ── no, or prompt=login, or max_age ──┐
//	   │ ◀── 303 /sign-in?return_to=/oauth/authorize…(&reauth=1) ───────────────────────────┘
//	   │  GET, POST /sign-in ──────▶ │ account: password, attempts → sign_ins, portal_session
//	   │ ◀── 303 /oauth/authorize… ──│
//	   │  GET /oauth/authorize ────▶ │ ── yes: code, 60 s in Redis (ephemeral), bound to client,
//	   │                             │         redirect URI, PKCE challenge and sid
//	   │ ◀── 303 redirect_uri?code&state&iss ─│
//	   │  GET /auth/callback ────────────────────────────────────────────────▶ │
//	   │                             │ ◀── POST /oauth/token code, verifier, secret ──│
//	   │                             │ take the code once; does the sign-in live?; note that
//	   │                             │ it opened this client; sign (keys, tokens)
//	   │                             │ ── ID token, access token, refresh token ────▶ │
//	   │ ◀──────────────────────────────────── 303 /page, app session ────────── │
//
// The way of a sign-out, begun at the portal (/sign-out) or by an app
// (/oauth/logout with an ID token of this sign-in):
//
//	revoke: one transaction { sign-in ended, refresh tokens revoked, event,
//	        outbox of the denylist, back-channel outbox }
//	        → denylist in Redis, which every replica of every service confirms
//	        → portal sessions of this sid leave Redis
//	        → backchannel: logout tokens to every client it opened, at once and
//	        side by side, two seconds each → "You are signed out"
//	        a client that did not answer is told again, for a day, by any replica
//
// What lies where: users, sign-ins, clients, keys, refresh tokens and outboxes in
// the database (store); sessions, codes and denials in Redis (sso/session,
// ephemeral); registered clients and parsed keys in memory besides.
package portal

// Package door is the bank's web app with single sign-on: a real server with sso/rp mounted, on its own port, and
// browsers that sign in to it, one request at a time.
//
//	Browser ── GET /account ──▶ Door (Echo, sso/rp) ── back channel ──▶ the configured provider
//	        ◀── 302 ───────────┘
//	        ── form ──▶ provider ── 303 /auth/callback ──▶ Door
//
// Door.Trust sets the provider, by the three settings that an app needs for it. sso/trace records the back-channel
// requests, as in the installation's own apps. Unlike in those, the door's error page also shows the error's cause,
// which otherwise only the log has.
package door

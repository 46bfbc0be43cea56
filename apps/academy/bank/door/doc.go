// Package door is the bank's front door with single sign-on: a real web app with sso/rp mounted, on
// a port of its own, and browsers that walk through it, one request at a time.
//
//	Browser ── GET /account ──▶ Door (Echo, sso/rp) ── back channel ──▶ whichever provider it trusts
//	        ◀── 302 ───────────┘
//	        ── form ──▶ provider ── 303 /auth/callback ──▶ Door
//
// Door.Trust says which provider that is, by the three settings that an app has for it. What went
// over the back channel is noted by sso/hops, as in the estate's own apps. Unlike theirs,
// the door's error page says the cause, too, which otherwise only the log has.
package door

// Package signon is the experiment of "Single sign-on, seen": the attacks that state, nonce, PKCE and similar checks
// stop, each run against a real relying party and a real provider.
//
//	you ────────┐                         ┌──▶ bank (bank/door: Echo, sso/rp)
//	            ├── requests, forms ──────┤       │ wire.go: what an attacker on the line sees and changes
//	Mallory ────┘                         └──▶ provider (a Gatehouse portal of the run)
//
// The findings are what the servers answered. No check can be switched off: what would happen without it is described
// in words.
package signon

// Package backchannel notifies clients of the end of a sign-in (OpenID Connect Back-Channel Logout 1.0): it posts a
// logout token to each client's registered URI, immediately when the user signs out, and again with increasing
// delays, by any replica, until the client has accepted it or the notice is given up.
//
//	end of a sign-in ── one transaction ──▶ outbox, a notice for each client
//	        │                                  │
//	     Deliver: at once, all                Run: due notices, in each replica
//	     clients in parallel                  claimed client by client, for claimTimeout
//	        └──────────────┬───────────────────┘
//	              slots of the client: a few at a time,
//	              one at a time once it fails
//	                       │
//	          delivered │ retried later │ given up: a dead letter, until an administrator resends it
//
// Undelivered notices are in the database, written in the transaction that ends the sign-in, so that a crash in
// between loses none. Clients do not wait for each other: a client that hangs delays only its own notices.
package backchannel

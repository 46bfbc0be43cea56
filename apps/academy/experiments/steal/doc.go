// Package steal is the experiment "Steal the token": the learner's session cookie or card is copied to the attacker's
// browser, the learner signs out, and the attacker tries the copy at every branch until all refuse. The time until
// then is measured for four ways to keep sessions.
//
//	you ──── POST /sign-out ──▶ balancer ──▶ a branch
//	                                            │ what a sign-out can do: nothing, delete
//	                                            ▼ the session, or deny the card
//	attacker ── GET /account ───────────────▶ every branch, again and again
package steal

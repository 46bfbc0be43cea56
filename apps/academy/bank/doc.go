// Package bank is the estate of the Academy's story: a bank with branches. Each branch
// is a real HTTP server on loopback, all of them stand behind the real load balancer of
// fleet, and learners' browsers are real HTTP clients with cookie jars.
//
//	browser ──HTTP──▶ balancer ──HTTP──▶ branch 1, branch 2 …
//	 cookie jar        a policy           keeper: who is this?
//	                                        Memory       a map in the branch's memory
//	                                        Redis        sso/session, in a Redis of this bank's own
//	                                        Card         a signed token in the cookie (sso/token)
//	                                        CardDenylist the same, and a mirror of the denylist (sso/denylist)
//
// What happened to a request is never taken from what we know: [Bank.Visit] reports
// what came back over the wire. The pages of a branch:
//
//	POST /sign-in   name=…    gives the browser a new session, or a card
//	GET  /account             who are you? 200 with the name, or 401
//	POST /sign-out            ends it, as far as the kind can
//	GET  /healthz             for the balancer
//
// Every answer names the branch in X-Served-By and is JSON ([Answer]). While Redis is
// away, a branch that needs it answers 503 with Retry-After and leaves the cookie alone.
//
// What is not real: the branches share one process. Killing one closes its door and all
// its connections in the middle of whatever they carry, and what it kept in memory is
// gone, as when a process is killed.
package bank

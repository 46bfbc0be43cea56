// Package bank is the system that the Academy's lessons are about: a bank with branches. Each branch is a real HTTP
// server on loopback behind fleet's real load balancer, and learners' browsers are real HTTP clients with cookie
// jars.
//
//	browser ──HTTP──▶ balancer ──HTTP──▶ branch 1, branch 2 …
//	 cookie jar        a policy           keeper: who is this?
//	                                        Memory       a map in the branch's memory
//	                                        Redis        sso/session, in the bank's own Redis
//	                                        Card         a signed token in the cookie (sso/token)
//	                                        CardDenylist the same, plus a mirror of the denylist (sso/denylist)
//
// The outcome of a request is never derived from the bank's internal state: [Bank.Visit] reports what came back over
// the wire. The endpoints of a branch:
//
//	POST /sign-in   name=…    gives the browser a new session or a card
//	GET  /account             who is signed in? 200 with the name, or 401
//	POST /sign-out            ends the session, as far as the kind can
//	GET  /healthz             for the balancer
//
// Every response names the branch in X-Served-By and is JSON ([Answer]). While Redis is down, a branch that needs it
// answers 503 with Retry-After and keeps the cookie.
//
// What is not real: the branches share one process. Killing one closes its listener and all its connections,
// including those with requests in progress, and discards its memory, as killing a process does.
package bank

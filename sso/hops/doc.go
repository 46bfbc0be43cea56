// Package hops keeps what happened in a sign-in, request by request, so that the person
// whose sign-in it was can look at it afterwards.
//
//	rp, portal ── Record(ID(state), Hop) ──▶ queue ──▶ Redis: list of the flow, 15 minutes
//	rp ────────── File(ID(state), sub) ────▶ queue ──▶ the flow is that person's, one hour
//	page ◀─────── Of(sub) ────────────────────────── Redis
//
// Nothing in it opens anything: whoever records shortens what is secret first
// ([Short], [Values], [Location]), and cookies, passwords, emails and client secrets are not
// kept at all. Recording happens beside the request: it never waits, and what does not
// fit the queue, or the pace that Redis is asked to bear, is dropped.
package hops

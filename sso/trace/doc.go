// Package trace records the requests of a sign-in, so that its user can look at them afterwards.
//
//	rp, portal ── Record(ID(state), Step) ──▶ queue ──▶ Redis: list of the flow, 15 minutes
//	rp ────────── Assign(ID(state), sub) ────▶ queue ──▶ the flow belongs to that user, one hour
//	page ◀─────── Of(sub) ────────────────────────── Redis
//
// A record holds no usable secret: callers shorten secrets first ([Short], [Values], [Location]), and cookies,
// passwords, emails and client secrets are never recorded. Recording does not block the request: a step that exceeds
// the queue or the write rate is dropped.
package trace

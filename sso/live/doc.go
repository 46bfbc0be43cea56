// Package live tells open tabs that their person has been signed out, within a
// moment and without a click.
//
//	denylist ── Watch ──▶ Handler ── GET /auth/live, events ──▶ one tab of a browser ──▶ its other tabs
//	                              ── GET /auth/state, JSON ──▶ a tab that has slept
//
// The stream is of Server-Sent Events (WHATWG HTML §9.2): hello names the sign-in that it
// is about, beat says every few seconds that it lives, out says that the sign-in is over,
// and by what, and bye asks the browser to come again after a pause. Every pause is
// random, and longer where more tabs listen, so that neither a restart of a server nor
// its end makes all of them come at once.
//
// Who listens is known by the session cookie, read without a sign of life: a tab left
// open does not keep a session from becoming idle. A page also has a ticket: sealed, and of
// use for one question only, namely what became of the sign-in that the page was made
// for. With it a tab that wakes up learns why it was signed out, although the session is
// gone by then.
package live

// Package signoutpush tells open tabs that their user has been signed out, within a moment and without a click.
//
//	denylist ── Watch ──▶ Handler ── GET /auth/live, events ──▶ one tab of a browser ──▶ its other tabs
//	                              ── GET /auth/state, JSON ──▶ a tab that wakes up
//
// The stream consists of Server-Sent Events (WHATWG HTML §9.2): hello names the sign-in that the stream is about, beat
// every few seconds shows that the connection works, unread says how many
// notifications the user has not read, out says that the sign-in has ended and why, and bye asks the
// browser to reconnect after a pause. Every pause is random, and longer when more tabs are connected, so that a
// server's restart does not make all of them reconnect at once.
//
// The session cookie identifies the user. It is read without prolonging the session: a tab left open does not keep a
// session from becoming idle. A page also has a sealed ticket, which is valid only for asking what ended the sign-in
// that the page was made for. With it a tab that wakes up learns why it was signed out, although the session no longer
// exists.
package signoutpush

// Package card is the experiment "The card": a JWT of the bank is read, altered, forged, left to expire and sent to
// the wrong audience, and each branch says why it refuses it, without looking anything up.
//
//	head office ── GET /jwks.json ──▶ branch 1, 2, 3   package sso/token, with keys that
//	  signs cards                       ▲      │       are fetched now and then
//	       │ card                       │      ▼
//	       ▼                            │    Redis: the shared notebook, for browsers with
//	  the learner ── Bearer card ───────┘           a cookie; every command is counted
package card

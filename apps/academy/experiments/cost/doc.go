// Package cost is the experiment "What does a check cost?": six branches that differ only in how they find out which
// user a request is from, each measured over HTTP when the learner asks, on this machine.
//
//	clients ── GET /account ──▶ RAM session        a map of the branch
//	  over     (cookie or       Redis session      sso/session
//	  kept     card)            JWT                sso/token, never seen before
//	  alive                     JWT, remembered    sso/token
//	  connec-                   JWT and Redis      sso/token and EXISTS
//	  tions                     JWT and mirror     sso/token and sso/denylist
package cost

// Package balancer is Gatehouse's load balancer: an http.Handler that sends a request to a pool of backends
// by its host name, and to one of the pool's backends by a Policy.
//
//	request ─▶ host ─┬─▶ redirect (localhost ─▶ the portal)
//	                 ├─▶ pool ─▶ policy ─▶ backend ─▶ answer, streamed (the policy may add a cookie to it)
//	                 │             ▲          │ could not be delivered, and safe to repeat
//	                 │             └──────────┘
//	                 └─▶ 421, a page that says so
//
// When may a request be sent again? Always when no connection could be made, because then nobody has seen
// it. When a connection broke before an answer began, only for GET, HEAD and OPTIONS without a body
// (safe methods, RFC 9110 §9.2.1): a POST may have been carried out, so its sender must decide. An answer
// of known length up to 1 MiB is received whole before it is passed on, so that a replica which dies
// half-way through a page counts as one that never began; streams are passed on as they come, never sent
// again once they have begun, and nobody who stops waits for their end: neither Remove nor Serve. A stream that an
// EventSource opens leaves http.Server (hijack.go), since every open tab has one.
//
// Backends are watched by health checks and put aside at the first refused connection. With nobody left, a
// request waits a moment, because a killed replica is back within a second or two, and is then answered
// 503 with Retry-After. Nothing here waits for ever.
package balancer

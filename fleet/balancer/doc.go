// Package balancer is Gatehouse's load balancer: an http.Handler that sends a request to a pool of backends by its host
// name, and to one of the pool's backends by a Policy.
//
//	request ─▶ host ─┬─▶ redirect (localhost ─▶ the portal)
//	                 ├─▶ pool ─▶ policy ─▶ backend ─▶ response, streamed (the policy may add a cookie to it)
//	                 │             ▲          │ could not be delivered, and safe to repeat
//	                 │             └──────────┘
//	                 └─▶ 421, an error page
//
// When may a request be sent again? Always when no connection could be made, because then nobody has seen
// it. When a connection broke before an answer began, only for GET, HEAD and OPTIONS without a body
// (safe methods, RFC 9110 §9.2.1): a POST may have been carried out, so its sender must decide. An answer
// of known length up to 1 MiB is received whole before it is passed on, so that a replica which dies
// half-way through a page counts as one that never began; streams are passed on as they come, never sent
// again once they have begun, and nobody who stops waits for their end: neither Remove nor Serve. A stream that an
// EventSource opens leaves http.Server (hijack.go), since every open tab has one.
//
// Health checks watch the backends, and the first refused connection makes one unhealthy. If no backend is healthy, a
// request waits for up to Options.Patience, because a killed replica is back within a second or two, and is then
// answered 503 with Retry-After. Every wait has a limit.
package balancer

// Package balancer is Gatehouse's load balancer: an http.Handler that sends a request to a pool of backends by its host
// name, and to one of the pool's backends by a Policy.
//
//	request ─▶ host ─┬─▶ redirect (localhost ─▶ the portal)
//	                 ├─▶ pool ─▶ policy ─▶ backend ─▶ response, streamed (the policy may add a cookie to it)
//	                 │             ▲          │ could not be delivered, and safe to repeat
//	                 │             └──────────┘
//	                 └─▶ 421, an error page
//
// The retry rule (retry.go): a request is sent again whenever no connection could be made, because then no backend has
// seen it. When a connection broke before a response began, only GET, HEAD and OPTIONS without a body are sent again
// (safe methods, RFC 9110 §9.2.1): a POST may have been carried out, so its sender must decide. A response of known
// length up to 1 MiB is received completely before it is forwarded, so that a replica which fails half-way through a
// page counts as one that has not responded. Streams are forwarded as they come and never sent again once they have
// begun; neither Remove nor Serve waits for their end. A stream that an EventSource opens leaves http.Server
// (hijack.go), since every open tab has one.
//
// Health checks watch the backends, and the first refused connection makes one unhealthy. If no backend is healthy, a
// request waits for up to Options.QueueTimeout, because a killed replica is back within a second or two, and is then
// answered 503 with Retry-After. Every wait has a limit.
package balancer

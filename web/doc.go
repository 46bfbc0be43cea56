// Package web is the Echo glue that every service shares. [New] makes a server
// whose requests all go the same way:
//
//	request id, X-Served-By, log line, metrics        observe.go
//	→ panics become errors                            observe.go
//	→ security headers                                headers.go
//	→ deadline, body limit, cross-site requests       limits.go
//	→ the service's own middleware and handler
//	→ [Render]: fragment or whole page                render.go
//	   or an error → the one translator               errors.go
//
// It knows Echo, the components and the assets, and nothing of sign-in.
package web

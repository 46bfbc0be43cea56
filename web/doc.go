// Package web contains the Echo code that every service shares. [New] returns a server that handles every request in
// the same way:
//
//	request id, X-Served-By, log line, metrics        observe.go
//	→ panics become errors                            observe.go
//	→ security headers                                headers.go
//	→ deadline, body limit, cross-site requests       limits.go
//	→ the service's own middleware and handler
//	→ [Render]: fragment or whole page                render.go
//	   or an error → the error handler                errors.go
//
// It depends on Echo, the components and the assets, and on nothing of sign-in.
package web

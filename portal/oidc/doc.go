// Package oidc implements the portal's protocol endpoints, a file each: authorization, token, userinfo,
// introspection, revocation, end session, discovery and keys. A handler and the parser of its request are in the
// same file or in neighbouring ones.
//
// Errors are values: a [fault] is answered as OAuth JSON (RFC 6749 §5.2), a redirectFault by a redirect to the
// client (§4.1.2.1), and a [web.Error] by a page, if a redirect would not be safe.
package oidc

// Package token says what the portal's tokens hold and verifies them: ID tokens
// (OpenID Connect Core §2), access tokens in JWT form (RFC 9068) and logout tokens
// (OpenID Connect Back-Channel Logout 1.0 §2.4). It works with the tokens of any
// provider that publishes a JWKS.
//
// Verification follows RFC 8725: the algorithms are an allow-list, the kind of a
// token is checked by its typ, and issuer and audience must be exactly the
// expected ones, so that a token made for one purpose opens nothing else.
package token

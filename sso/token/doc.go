// Package token defines and verifies the portal's tokens: ID tokens (OpenID Connect Core §2), access tokens in JWT form
// (RFC 9068) and logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4). It works with the tokens of any provider
// that publishes a JWKS.
//
// Verification follows RFC 8725: the algorithms are an allow-list, the kind of a token is checked by its typ, and
// issuer and audience must match exactly, so that a token can't be used for another purpose.
package token

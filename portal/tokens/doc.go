// Package tokens issues the portal's tokens: ID tokens (OpenID Connect Core §2), access tokens as JWTs (RFC 9068),
// logout tokens (Back-Channel Logout §2.4) and opaque random strings, of which only a hash is stored. It also reads
// its own tokens when they are returned as hints or bearer tokens.
package tokens

// Package keys manages the portal's signing keys: RSA for ID and logout tokens (RS256, which every client supports)
// and P-256 for access tokens (ES256, which signs thirty times faster). The first keys are created at the first
// start. They are stored encrypted in the database, and published as a JWK Set (RFC 7517).
//
// The states of a key, for each algorithm:
//
//	next       published, does not sign yet: caches of the JWK Set learn it
//	  ↓        after PublishAhead, by any replica
//	active     signs
//	  ↓        when the next key is activated; the private key is deleted
//	old        published, until the last token that it signed has expired
//	  ↓
//	retired    no longer published; an ID token that it signed is still accepted as a hint
//	  ↓        when it is older than the longest sign-in
//	deleted
//
// A key that may have been disclosed is withdrawn: in any of these states it becomes invalid immediately.
package keys

// Package password manages passwords: it decides which may be chosen, hashes them with argon2id, and verifies them.
//
//	flood of sign-ins ──> queue (bounded; full: ErrBusy) ──> one slot per core ──> argon2id, 19 MiB each
//
// It guarantees two things. However many users sign in concurrently, hashing never takes more memory than 19 MiB per
// core. And verifying a password for an account that does not exist ([Hasher.Verify] with an empty hash) does the
// same work, and returns the same result, as verifying a wrong password.
//
// The list of common passwords (common.txt) contains those of ten and more characters of the list that Django ships
// (BSD licence), and a few famous passphrases: shorter ones are refused for their length.
package password

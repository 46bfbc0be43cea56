// Package password keeps passwords: it decides which may be chosen, hashes them with argon2id, and checks them.
//
//	flood of sign-ins ──> queue (bounded; full: ErrBusy) ──> one slot per core ──> argon2id, 19 MiB each
//
// Two promises: however many people sign in at once, hashing never takes more memory than 19 MiB per core; and
// a check for somebody who does not exist ([Hasher.Verify] with an empty hash) does the same work, and gives the
// same answer, as a check with a wrong password.
//
// The list of common passwords (common.txt) holds those of ten and more characters of the list that Django
// ships (BSD licence), and a few famous passphrases: shorter ones are refused for their length.
package password

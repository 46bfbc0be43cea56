// Package codes stores the portal's authorization codes in Redis.
//
// Keys contain hashes, never the values that a browser or client holds. Unless documented otherwise, an error means
// that Redis does not answer.
package codes

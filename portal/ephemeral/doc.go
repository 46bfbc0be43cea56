// Package ephemeral stores the portal's short-lived data in Redis: authorization codes.
//
// Keys contain hashes, never the values that a browser or client holds. Unless documented otherwise, an error means
// that Redis does not answer.
package ephemeral

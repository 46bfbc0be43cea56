// Package clients manages the registered clients (RFC 6749 §2): it validates declarations, redirect URIs and
// secrets. The clients are stored in the database and served from memory.
package clients

// Package lookup is the Redis of experiments that count its commands: an embedded server, a client for each branch
// that counts every command it sends, and a denylist look-up per card.
package lookup

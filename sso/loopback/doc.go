// Package loopback dials names below localhost, which RFC 6761 assigns to the local machine and Go's resolver does not
// know on a bare Linux.
package loopback

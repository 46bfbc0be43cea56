// Package netaddr says which addresses count as one for a limit.
package netaddr

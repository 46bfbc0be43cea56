// Package standalone runs a temporary portal for experiments: complete, on a free port of loopback, with the given
// accounts and clients. The Academy's experiments use one, so that they do not affect the accounts of users.
package standalone

// Package seal encrypts and authenticates records that are stored where others can write, such as cookies, Redis and
// database columns: AES-256-GCM under keys derived by HKDF (RFC 5869).
//
// A Sealer has one purpose, and a sealed record one name: a record can't be used for another purpose or name.
package seal

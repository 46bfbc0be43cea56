// Package embedded runs a Redis inside this process, for an estate on one machine without set-up. It adds to miniredis
// what that lacks for real use: a password, and keys that expire with time.
package embedded

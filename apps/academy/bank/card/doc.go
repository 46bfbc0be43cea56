// Package card makes the cards of the Academy's bank: access tokens (RFC 9068) that the bank signs with its own key,
// and that each branch verifies with package sso/token alone. It is the only place in the Academy that signs tokens.
package card

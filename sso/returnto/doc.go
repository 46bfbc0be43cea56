// Package returnto checks the addresses that a browser is sent to after sign-in and similar round trips: only pages of
// the same site are allowed.
package returnto

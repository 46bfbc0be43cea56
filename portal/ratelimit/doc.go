// Package ratelimit limits password attempts, without letting an attacker lock the owner out.
//
// It follows OWASP's "device cookie" idea: a browser that has signed in to an account before has a signed cookie
// that says so, and its attempts are counted separately.
//
//	browser known to the account ──> (device, account)
//	any other                    ──> (account, address), (address), (account, unknown browsers)
//	  above (address)            ──> one every 2 seconds, up to a limit per day
//
// Guesses from one address fill only the bucket of that address. The owner can sign in from another address at once,
// and from that address with one attempt every 2 seconds. An attempt that succeeds does not count, so that a class
// of students signs in without waiting. Guesses from thousands of addresses fill the bucket of unknown browsers; the
// owner can still sign in from a browser used before.
//
// Successful sign-ins have separate limits per account and per address, for known browsers, too: each costs a hash,
// rows and sessions.
//
// An attempt is counted before the password is checked, by one Lua script that reads all its buckets first, so that
// a hundred concurrent guesses count as a hundred. It is given back if the password was right. A refused attempt is
// not counted, so waiting always helps. The windows are fixed and begin with the first attempt. Redis stores keyed
// hashes, never an email or an address.
package ratelimit

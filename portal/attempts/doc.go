// Package attempts limits how often passwords may be tried, without letting a stranger lock the owner out.
//
// It follows OWASP's "device cookie" idea: a browser that has signed in to an account before carries a signed
// cookie that says so, and its attempts are counted apart from everybody else's.
//
//	browser known to the account ──> (device, account)
//	any other                    ──> (account, address), (address), (account, unknown browsers)
//	  above (address)            ──> one every 2 seconds, and so many a day
//
// Somebody who guesses from one address fills the bucket of that address and no other. The owner signs in from
// elsewhere at once, and behind that address when it is a try's turn; a turn that ends in a sign-in is given back, so a
// class that signs in does not wait for one another. Somebody who guesses from thousands of addresses fills the bucket of unknown browsers, and the
// owner signs in from a browser used before.
//
// Sign-ins that succeed have limits of their own, of an account and of an address, however a browser is known: a
// sign-in costs a hash, rows and sessions.
//
// An attempt is counted before the password is checked, by one Lua script that looks at all its buckets first,
// so that a hundred guesses at once are a hundred guesses; it is given back when the password was right. A
// refused attempt is not counted, so waiting always helps. The windows are fixed and begin with the first
// attempt. Redis holds keyed hashes, never an email or an address.
package attempts

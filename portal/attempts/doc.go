// Package attempts limits how often passwords may be tried, without letting a stranger lock the owner out.
//
// It follows OWASP's "device cookie" idea: a browser that has signed in to an account before carries a signed
// cookie that says so, and its attempts are counted apart from everybody else's.
//
//	browser known to the account ──> (device, account)
//	any other                    ──> (account, address), (address), (account, unknown browsers)
//	  above (address)            ──> one every 2 seconds, and so many a day
//
// Guesses from one address fill the bucket of that address and no other. The owner signs in from elsewhere at once, and
// from that address at the rate of one verdict every 2 seconds; a verdict that is a sign-in does not count, so that a
// class signs in without waiting. Guesses from thousands of addresses fill the bucket of unknown browsers, and the owner
// signs in from a browser used before.
//
// Sign-ins that succeed have limits of their own, of an account and of an address, however a browser is known: a
// sign-in costs a hash, rows and sessions.
//
// An attempt is counted before the password is checked, by one Lua script that looks at all its buckets first,
// so that a hundred guesses at once are a hundred guesses; it is given back when the password was right. A
// refused attempt is not counted, so waiting always helps. The windows are fixed and begin with the first
// attempt. Redis holds keyed hashes, never an email or an address.
package attempts

package account

// What the tests of this package look at from outside.
var (
	ReturnTo   = returnTo
	PersonName = checkName
)

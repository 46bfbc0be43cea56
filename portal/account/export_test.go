package account

// What the tests of this package look at from outside.
var (
	NormaliseEmail = normaliseEmail
	ReturnTo       = returnTo
	PersonName     = personName
)

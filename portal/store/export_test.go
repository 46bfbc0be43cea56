package store

import "gatehouse/db"

// Statement is what a query of living sign-ins asks the database.
func (q ActiveSignInQuery) Statement() (string, []any) { return q.statement() }

// Statement is what a query of the denylist asks the database.
func (q DenylistQuery) Statement() (string, []any, error) { return q.statement() }

// Statement is what a query of the audit asks the database, where the row that it begins at is of the time from.
func (q AuditQuery) Statement(from int64, d db.Dialect) (string, []any) {
	return q.statement(from, d)
}

// SettingsAlongIndexes is what PostgreSQL is told before a query of the audit or of people.
const SettingsAlongIndexes = settingsAlongIndexes

// What is asked about the sign-ins of one person.
var (
	Untold   = untold
	EndedOf  = endedOf
	LivingOf = livingOf
)

// The steps and counts of ActiveSignInCounts.
const (
	NextOfPortal   = nextOfPortal
	NextOfClient   = nextOfClient
	NextClient     = nextClient
	SignInsAtPlace = signInsAtPlace
	OpenedAtPlace  = openedAtPlace

	SignInColumns    = signInColumns
	OthersByLastSeen = othersByLastSeen
	ReceiptsOfUser   = receiptColumns + receiptsOfUser
)

package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Statement returns the query of a list of active sign-ins.
func (q ActiveSignInQuery) Statement() (string, []any) { return q.statement() }

// Statement returns the query of a list of the denylist.
func (q DenylistQuery) Statement() (string, []any, error) { return q.statement() }

// Statement returns the query of a page of the audit that begins at a row of the time from.
func (q AuditQuery) Statement(from int64, d db.Dialect) (string, []any) {
	return q.statement(from, d)
}

// SettingsAlongIndexes are PostgreSQL's settings for a query of the audit or of people.
const SettingsAlongIndexes = settingsAlongIndexes

// The queries about the sign-ins of one user.
var (
	Unacknowledged = unacknowledged
	EndedOfUser    = endedOfUser
	ActiveOfUser   = activeOfUser
)

// SavedFiltersOf is the query of SavedFilters.
const SavedFiltersOf = savedFiltersOf

// UsersByIDQuery is the query of UsersByID.
const UsersByIDQuery = usersByID

// FailedSignInsQuery is the query of FailedSignIns.
var FailedSignInsQuery = failedSignIns

// The queries of ActiveSignInCounts.
const (
	NextOfPortal  = nextOfPortal
	NextOfClient  = nextOfClient
	NextClient    = nextClient
	CountAtPortal = countAtPortal
	CountAtClient = countAtClient

	SignInColumns    = signInColumns
	OthersByLastSeen = othersByLastSeen
	ReceiptsOfUser   = selectReceipts + `WHERE user_id = ? ` + latestReceipts
)

// MaxScanned is the maximum number of index rows that a page of people reads.
const MaxScanned = maxScanned

// PlansOfPeople calls explain with each query by which SearchPeople finds a page.
func (s *Store) PlansOfPeople(ctx context.Context, q PeopleQuery, explain func(on sqlx.QueryerContext, query string, args []any)) error {
	from := q.After
	if q.Before != (PeopleCursor{}) {
		from = q.Before
	}
	scan, err := s.scanFor(ctx, q, parseSearch(q.Text), from)
	if err != nil {
		return err
	}
	return s.alongIndexes(ctx, func(on sqlx.ExtContext) error {
		_, _, err := scan.read(q.Limit, func(query string, args []any) ([]position, error) {
			explain(on, on.Rebind(query), args)
			return db.All[position](ctx, on, "search people", query, args...)
		})
		return err
	})
}

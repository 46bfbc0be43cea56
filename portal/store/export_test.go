package store

// Statement is what a query of living sign-ins asks the database.
func (q LivingQuery) Statement() (string, []any) { return q.statement() }

// Statement is what a query of the denylist asks the database.
func (q DeniedQuery) Statement() (string, []any, error) { return q.statement() }

// The steps and counts of LivingPlaces.
const (
	NextOfPortal   = nextOfPortal
	NextOfClient   = nextOfClient
	NextClient     = nextClient
	SignInsAtPlace = signInsAtPlace
	OpenedAtPlace  = openedAtPlace
)

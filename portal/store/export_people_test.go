package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// MaxLooked is how many rows of an index a page of people looks at.
const MaxLooked = maxLooked

// PlansOfPeople lets explain ask for the plans of the statements with which SearchPeople finds a page.
func (s *Store) PlansOfPeople(ctx context.Context, q PeopleQuery, explain func(on sqlx.QueryerContext, query string, args []any)) error {
	from := q.After
	if q.Before != (PeopleCursor{}) {
		from = q.Before
	}
	w, err := s.walkOf(ctx, q, searched(q.Text), from)
	if err != nil {
		return err
	}
	return s.alongIndexes(ctx, func(on sqlx.QueryerContext) error {
		_, _, err := look(w, q.Limit, func(into *[]place, query string, args []any) error {
			query = s.db.Rebind(query)
			explain(on, query, args)
			return sqlx.SelectContext(ctx, on, into, query, args...)
		})
		return err
	})
}

package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// PlanOfPeople lets explain ask for the plan of the statement with which SearchPeople finds a page.
func (s *Store) PlanOfPeople(ctx context.Context, q PeopleQuery, explain func(on sqlx.QueryerContext, query string, args []any)) error {
	from := q.After
	if q.Before != (PeopleCursor{}) {
		from = q.Before
	}
	query, args, err := s.placesOf(ctx, q, searched(q.Text), from)
	if err != nil {
		return err
	}
	return s.alongIndexes(ctx, func(on sqlx.QueryerContext) error {
		explain(on, s.db.Rebind(query), args)
		return nil
	})
}

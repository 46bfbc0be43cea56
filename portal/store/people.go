package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// The states by which people can be filtered.
const (
	StateActive  = "active"
	StateBanned  = "banned"
	StateDeleted = "deleted"
)

// Roles are all roles, the one with the fewest rights first.
var Roles = []string{"customer", "moderator", "analyst", AdminRole}

// PeopleQuery selects users. After is the last of the previous page, Before the first of the next page; at most one
// of them is set, and both come from a [People] of the same query.
type PeopleQuery struct {
	Text          string // beginnings of words of the name and the email, all of them; or an id
	State         string // "" for all
	Role          string // "" for all
	Now           time.Time
	After, Before PeopleCursor
	Limit         int
}

// PeopleCursor is a position in a list of users. A list of search results is ordered by Word and ID, any other by
// At, the latest first, and ID. The zero cursor is none.
type PeopleCursor struct {
	Word string    `json:"w,omitempty"`
	At   time.Time `json:"t,omitzero"`
	ID   string    `json:"i"`
}

// People is a page of users. Previous and Next are zero if there is no such page. Partial means that the search
// stopped after maxLooked rows before the page was full: the following page may have more results.
type People struct {
	Users          []User
	Previous, Next PeopleCursor
	Partial        bool
}

// place is a row of a list before its user is read.
type place struct {
	Word string `db:"word"`
	At   int64  `db:"at"`
	ID   string `db:"id"`
}

// SearchPeople returns a page of users. It scans the most selective index: of a word, of a state or role that few
// users have, or else of all users. It reads at most maxLooked rows of it.
func (s *Store) SearchPeople(ctx context.Context, q PeopleQuery) (People, error) {
	from := q.After
	if q.Before != (PeopleCursor{}) {
		from = q.Before
	}
	words := searched(q.Text)
	if from.Word != "" && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(from.Word, w) }) {
		from, q.After, q.Before = PeopleCursor{}, PeopleCursor{}, PeopleCursor{} // the cursor is of another list
	}
	if text := strings.TrimSpace(q.Text); text != "" && from == (PeopleCursor{}) {
		switch u, err := s.UserByID(ctx, text); {
		case err == nil && q.has(u):
			return People{Users: []User{u}}, nil
		case err != nil && !errors.Is(err, ErrNotFound):
			return People{}, err
		case len(words) == 0:
			return People{}, nil
		}
	}
	w, err := s.walkOf(ctx, q, words, from)
	if err != nil {
		return People{}, err
	}
	var places, end []place
	err = s.alongIndexes(ctx, func(on sqlx.QueryerContext) error {
		places, end, err = look(w, q.Limit, func(into *[]place, query string, args []any) error {
			return sqlx.SelectContext(ctx, on, into, s.db.Rebind(query), args...)
		})
		return err
	})
	if err != nil {
		return People{}, fmt.Errorf("store: search people: %w", err)
	}
	return s.people(ctx, q, places, end, from)
}

// look returns the places of a page, and one more, and the end of the rows that it scanned.
func look(w walk, limit int, ask func(into *[]place, query string, args []any) error) (places, end []place, err error) {
	query, args := w.end()
	if err := ask(&end, query, args); err != nil {
		return nil, nil, err
	}
	if len(end) == 2 {
		w.stop(end[0].values()...)
	}
	query, args = w.page(limit)
	err = ask(&places, query, args)
	return places, end, err
}

// walkOf returns the index scan that finds the page.
func (s *Store) walkOf(ctx context.Context, q PeopleQuery, words []string, from PeopleCursor) (walk, error) {
	words, byWord, err := s.narrowest(ctx, words, q.rare(), from)
	if err != nil {
		return walk{}, err
	}
	if byWord {
		return s.byWord(q, words, from), nil
	}
	return s.byCreation(q, words, from), nil
}

// has reports whether u matches the state and the role of the query.
func (q PeopleQuery) has(u User) bool {
	if q.Role != "" && !slices.Contains(u.Roles, q.Role) {
		return false
	}
	switch q.State {
	case StateActive:
		return u.DeletedAt.IsZero() && !u.Disabled(q.Now)
	case StateBanned:
		return u.DeletedAt.IsZero() && u.Disabled(q.Now)
	case StateDeleted:
		return !u.DeletedAt.IsZero()
	}
	return true
}

// people returns the page of places, which may contain one more place than the page. If end has two places, they are
// where the scan stopped and the next one.
func (s *Store) people(ctx context.Context, q PeopleQuery, places, end []place, from PeopleCursor) (People, error) {
	more := len(places) > q.Limit
	if more {
		places = places[:q.Limit]
	}
	backwards := q.Before != (PeopleCursor{})
	page := People{Partial: !more && len(end) == 2}
	if backwards {
		slices.Reverse(places)
	}
	if len(places) > 0 {
		first, last := places[0].cursor(), places[len(places)-1].cursor()
		if backwards && more || !backwards && from != (PeopleCursor{}) {
			page.Previous = first
		}
		if !backwards && more || backwards {
			page.Next = last
		}
	}
	switch {
	case page.Partial && backwards:
		page.Previous = end[0].cursor()
	case page.Partial:
		page.Next = end[0].cursor()
	}
	if len(places) == 0 {
		return page, nil
	}
	byID, err := s.usersByID(ctx, places)
	if err != nil {
		return People{}, err
	}
	for _, p := range places {
		if u, ok := byID[p.ID]; ok {
			page.Users = append(page.Users, u)
		}
	}
	return page, nil
}

// values returns the place's values in the order of its list.
func (p place) values() []any {
	if p.Word != "" {
		return []any{p.Word, p.ID}
	}
	return []any{p.At, p.ID}
}

func (p place) cursor() PeopleCursor {
	if p.Word != "" {
		return PeopleCursor{Word: p.Word, ID: p.ID}
	}
	return PeopleCursor{At: db.Time(p.At), ID: p.ID}
}

func (s *Store) usersByID(ctx context.Context, places []place) (map[string]User, error) {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	query, args, err := sqlx.In(`SELECT `+userColumns+` FROM users WHERE id IN (?)`, ids)
	if err != nil {
		return nil, fmt.Errorf("store: people: %w", err)
	}
	var rows []userRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: people: %w", err)
	}
	byID := make(map[string]User, len(rows))
	for _, r := range rows {
		if byID[r.ID], err = r.user(); err != nil {
			return nil, err
		}
	}
	return byID, nil
}

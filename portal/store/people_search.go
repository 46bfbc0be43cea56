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

// rare reports whether the state or the role has an index of its own.
func (q PeopleQuery) rare() bool {
	return q.State == StateBanned || q.State == StateDeleted || slices.Contains(Roles[1:], q.Role)
}

// narrowed returns the SQL of has, for users u.
func (s *Store) narrowed(q PeopleQuery) (conditions []string, args []any) {
	if slices.Contains(Roles, q.Role) {
		conditions = append(conditions, s.hasRole(q.Role))
	}
	switch q.State {
	case StateActive:
		conditions, args = append(conditions, maySignIn), append(args, db.Millis(q.Now))
	case StateBanned:
		conditions = append(conditions, `deleted_at IS NULL AND disabled_at IS NOT NULL AND (banned_until IS NULL OR banned_until > ?)`)
		args = append(args, db.Millis(q.Now))
	case StateDeleted:
		conditions = append(conditions, `deleted_at IS NOT NULL`)
	}
	return conditions, args
}

// fewWords is the maximum number of matching words that are scanned instead of the index of a rare state or role.
const fewWords = 1000

// narrowest sorts the words so that the most selective comes first, and reports whether to scan the index of words.
// A list that has begun continues with the same index.
func (s *Store) narrowest(ctx context.Context, words []string, rare bool, from PeopleCursor) (ordered []string, byWord bool, err error) {
	if len(words) == 0 {
		return nil, false, nil
	}
	counts := map[string]int{}
	for _, w := range words {
		var n int
		if err := s.db.GetContext(ctx, &n, s.db.Rebind(`SELECT COUNT(*) FROM
			(SELECT 1 FROM user_words WHERE word >= ? AND word < ? LIMIT ?) AS found`), w, past(w), fewWords+1); err != nil {
			return nil, false, fmt.Errorf("store: search people: %w", err)
		}
		counts[w] = n
	}
	slices.SortStableFunc(words, func(a, b string) int { return counts[a] - counts[b] })
	if from.Word != "" {
		// Continue with the word of the cursor.
		slices.SortStableFunc(words, func(a, b string) int { return rank(from.Word, a) - rank(from.Word, b) })
	}
	begun := from != (PeopleCursor{})
	return words, begun && from.Word != "" || !begun && (!rare || counts[words[0]] <= fewWords), nil
}

func rank(word, beginning string) int {
	if strings.HasPrefix(word, beginning) {
		return 0
	}
	return 1
}

// maxLooked is the maximum number of index rows that a page reads, for instance for two common words that no user
// has both of. The next page continues after them.
const maxLooked = 2000

// walk is an index scan, with the conditions for its rows.
type walk struct {
	table      string
	columns    string // of the place of a row
	key        string // the order of the index
	along      string // condition of a partial index
	low, high  bound  // where the scan begins and ends; zero: unbounded
	backwards  bool   // from high to low
	conditions string // " AND …"
	args       []any
}

// bound is a condition that limits the range of an index scan.
type bound struct {
	condition string
	args      []any
}

// begin makes the walk start after the place from.
func (w *walk) begin(from ...any) {
	if w.backwards {
		w.high = bound{`(` + w.key + `) < (?, ?)`, from}
	} else {
		w.low = bound{`(` + w.key + `) > (?, ?)`, from}
	}
}

// stop makes the walk end with the place until.
func (w *walk) stop(until ...any) {
	if w.backwards {
		w.low = bound{`(` + w.key + `) >= (?, ?)`, until}
	} else {
		w.high = bound{`(` + w.key + `) <= (?, ?)`, until}
	}
}

// query returns the SQL of the walk. With one bound on each side, a database can't choose a wrong one to start at.
func (w walk) query(conditions string, args []any, limit string) (string, []any) {
	query, all := `SELECT `+w.columns+` FROM `+w.table+` WHERE `+w.along, []any(nil)
	for _, b := range []bound{w.low, w.high} {
		if b.condition != "" {
			query, all = query+` AND `+b.condition, append(all, b.args...)
		}
	}
	order := ``
	if w.backwards {
		order = ` DESC`
	}
	return query + conditions + ` ORDER BY ` + strings.ReplaceAll(w.key, `,`, order+`,`) + order + limit, append(all, args...)
}

// end returns a query for the last row that a page scans and the next one. It yields fewer if the walk ends before.
func (w walk) end() (query string, args []any) {
	query, args = w.query(``, nil, ` LIMIT 2 OFFSET ?`)
	return query, append(args, maxLooked-1)
}

// page returns a query for one row more than the page.
func (w walk) page(limit int) (query string, args []any) {
	query, args = w.query(w.conditions, w.args, ` LIMIT ?`)
	return query, append(args, limit+1)
}

// byWord returns a scan of the index of words. A user with several words of that beginning is found at the first of
// them. The subqueries are evaluated for each row (they have a LIMIT or a MIN), never for the whole table.
func (s *Store) byWord(q PeopleQuery, words []string, from PeopleCursor) walk {
	first := words[0]
	w := walk{
		table: `user_words w`, columns: `w.word, w.user_id AS id`, key: `w.word, w.user_id`, along: `TRUE`,
		low: bound{`w.word >= ?`, []any{first}}, high: bound{`w.word < ?`, []any{past(first)}}, backwards: q.Before != (PeopleCursor{}),
		conditions: ` AND w.word = (SELECT MIN(x.word) FROM user_words x WHERE x.user_id = w.user_id AND x.word >= ? AND x.word < ?)`,
		args:       []any{first, past(first)},
	}
	more, values := others("w.user_id", words[1:])
	w.conditions, w.args = w.conditions+more, append(w.args, values...)
	if conditions, values := s.narrowed(q); len(conditions) > 0 {
		w.conditions += ` AND (SELECT 1 FROM users WHERE id = w.user_id AND ` + strings.Join(conditions, ` AND `) + ` LIMIT 1) = 1`
		w.args = append(w.args, values...)
	}
	if from != (PeopleCursor{}) {
		w.begin(from.Word, from.ID)
	}
	return w
}

// byCreation returns a scan of users from the latest, or of the index of a rare role or state.
func (s *Store) byCreation(q PeopleQuery, words []string, from PeopleCursor) walk {
	w := walk{
		columns: `created_at AS at, id`, key: `created_at, id`, along: `TRUE`,
		backwards: q.Before == (PeopleCursor{}), // the latest first
	}
	index := `users_by_created`
	switch {
	case slices.Contains(Roles[1:], q.Role):
		index, w.along = `users_of_role_`+q.Role, s.hasRole(q.Role)
	case q.State == StateBanned:
		index, w.along = `users_banned`, `disabled_at IS NOT NULL`
	case q.State == StateDeleted:
		index, w.along = `users_deleted`, `deleted_at IS NOT NULL`
	}
	w.table = indexed(s.db.Dialect, `users`, index)
	conditions, args := s.narrowed(q)
	for _, c := range conditions {
		w.conditions += ` AND ` + c
	}
	more, values := others("users.id", words)
	w.conditions, w.args = w.conditions+more, append(args, values...)
	if from != (PeopleCursor{}) {
		w.begin(db.Millis(from.At), from.ID)
	}
	return w
}

// others returns the condition that the user of a row has a word with each of these beginnings.
func others(id string, words []string) (query string, args []any) {
	for _, w := range words {
		query += ` AND (SELECT 1 FROM user_words x WHERE x.user_id = ` + id + ` AND x.word >= ? AND x.word < ? LIMIT 1) = 1`
		args = append(args, w, past(w))
	}
	return query, args
}

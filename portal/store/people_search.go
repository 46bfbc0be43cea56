package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// The states by which people can be filtered.
const (
	StateActive  = "active"
	StateBanned  = "banned"
	StateDeleted = "deleted"
)

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
// stopped after maxScanned rows before the page was full: the following page may have more results.
type People struct {
	Users          []User
	Previous, Next PeopleCursor
	Partial        bool
}

// position is a row of a list before its user is read.
type position struct {
	Word string `db:"word"`
	At   int64  `db:"at"`
	ID   string `db:"id"`
}

// SearchPeople returns a page of users. It scans the most selective index: of a word, of a state or role that few
// users have, or else of all users. It reads at most maxScanned rows of it.
func (s *Store) SearchPeople(ctx context.Context, q PeopleQuery) (People, error) {
	from := q.After
	if q.Before != (PeopleCursor{}) {
		from = q.Before
	}
	words := parseSearch(q.Text)
	if from.Word != "" && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(from.Word, w) }) {
		from, q.After, q.Before = PeopleCursor{}, PeopleCursor{}, PeopleCursor{} // the cursor is of another list
	}
	if text := strings.TrimSpace(q.Text); text != "" && from == (PeopleCursor{}) {
		switch u, err := s.UserByID(ctx, text); {
		case err == nil && q.matches(u):
			return People{Users: []User{u}}, nil
		case err != nil && !errors.Is(err, ErrNotFound):
			return People{}, err
		case len(words) == 0:
			return People{}, nil
		}
	}
	scan, err := s.scanFor(ctx, q, words, from)
	if err != nil {
		return People{}, err
	}
	var page, end []position
	err = s.alongIndexes(ctx, func(on sqlx.ExtContext) error {
		page, end, err = scan.read(q.Limit, func(query string, args []any) ([]position, error) {
			return db.All[position](ctx, on, "search people", query, args...)
		})
		return err
	})
	if err != nil {
		return People{}, err
	}
	return s.people(ctx, q, page, end, from)
}

// read returns the positions of a page, and one more, and the end of the rows that it scanned.
func (scan indexScan) read(limit int, ask func(query string, args []any) ([]position, error)) (page, end []position, err error) {
	query, args := scan.end()
	if end, err = ask(query, args); err != nil {
		return nil, nil, err
	}
	if len(end) == 2 {
		scan.stopAt(end[0].values()...)
	}
	query, args = scan.page(limit)
	page, err = ask(query, args)
	return page, end, err
}

// scanFor returns the index scan that finds the page.
func (s *Store) scanFor(ctx context.Context, q PeopleQuery, words []string, from PeopleCursor) (indexScan, error) {
	words, byWord, err := s.mostSelective(ctx, words, q.rare(), from)
	if err != nil {
		return indexScan{}, err
	}
	if byWord {
		return s.scanWords(q, words, from), nil
	}
	return s.scanUsers(q, words, from), nil
}

// matches reports whether u matches the state and the role of the query.
func (q PeopleQuery) matches(u User) bool {
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

// people returns the page of positions, which may contain one more than the page. If end has two positions, they are
// where the scan stopped and the next one.
func (s *Store) people(ctx context.Context, q PeopleQuery, positions, end []position, from PeopleCursor) (People, error) {
	backwards := q.Before != (PeopleCursor{})
	positions, more := trimPage(positions, q.Limit, backwards)
	page := People{Partial: !more && len(end) == 2}
	if len(positions) > 0 {
		first, last := positions[0].cursor(), positions[len(positions)-1].cursor()
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
	if len(positions) == 0 {
		return page, nil
	}
	ids := make([]string, len(positions))
	for i, p := range positions {
		ids[i] = p.ID
	}
	users, err := s.UsersByID(ctx, ids)
	if err != nil {
		return People{}, err
	}
	byID := make(map[string]User, len(users))
	for _, u := range users {
		byID[u.ID] = u
	}
	for _, id := range ids {
		if u, ok := byID[id]; ok {
			page.Users = append(page.Users, u)
		}
	}
	return page, nil
}

// values returns the position's values in the order of its list.
func (p position) values() []any {
	if p.Word != "" {
		return []any{p.Word, p.ID}
	}
	return []any{p.At, p.ID}
}

func (p position) cursor() PeopleCursor {
	if p.Word != "" {
		return PeopleCursor{Word: p.Word, ID: p.ID}
	}
	return PeopleCursor{At: db.Time(p.At), ID: p.ID}
}

// rare reports whether the state or the role has an index of its own.
func (q PeopleQuery) rare() bool {
	return q.State == StateBanned || q.State == StateDeleted || slices.Contains(Roles[1:], q.Role)
}

// conditions returns the SQL of matches, for users u.
func (s *Store) conditions(q PeopleQuery) (conditions []string, args []any) {
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

// maxRareWords is the maximum number of matching words that are scanned instead of the index of a rare state or role.
const maxRareWords = 1000

// mostSelective sorts the words so that the most selective comes first, and reports whether to scan the index of words.
// A list that has begun continues with the same index.
func (s *Store) mostSelective(ctx context.Context, words []string, rare bool, from PeopleCursor) (ordered []string, byWord bool, err error) {
	if len(words) == 0 {
		return nil, false, nil
	}
	counts := map[string]int{}
	for _, w := range words {
		if counts[w], err = s.countUpTo(ctx, maxRareWords+1, `SELECT 1 FROM user_words WHERE word >= ? AND word < ?`, w, prefixEnd(w)); err != nil {
			return nil, false, err
		}
	}
	slices.SortStableFunc(words, func(a, b string) int { return counts[a] - counts[b] })
	if from.Word != "" {
		// Continue with the word of the cursor.
		slices.SortStableFunc(words, func(a, b string) int { return rank(from.Word, a) - rank(from.Word, b) })
	}
	begun := from != (PeopleCursor{})
	return words, begun && from.Word != "" || !begun && (!rare || counts[words[0]] <= maxRareWords), nil
}

func rank(word, beginning string) int {
	if strings.HasPrefix(word, beginning) {
		return 0
	}
	return 1
}

// maxScanned is the maximum number of index rows that a page reads, for instance for two common words that no user
// has both of. The next page continues after them.
const maxScanned = 2000

// indexScan is a scan of an index, with the conditions for its rows.
type indexScan struct {
	table      string
	columns    string    // of the position of a row
	key        string    // the order of the index
	partial    string    // condition of a partial index
	low, high  scanBound // where the scan begins and ends; zero: unbounded
	backwards  bool      // from high to low
	conditions string    // " AND …"
	args       []any
}

// scanBound is a condition that limits the range of an index scan.
type scanBound struct {
	condition string
	args      []any
}

// startAfter makes the scan start after the position from.
func (scan *indexScan) startAfter(from ...any) {
	if scan.backwards {
		scan.high = scanBound{`(` + scan.key + `) < (?, ?)`, from}
	} else {
		scan.low = scanBound{`(` + scan.key + `) > (?, ?)`, from}
	}
}

// stopAt makes the scan end with the position until.
func (scan *indexScan) stopAt(until ...any) {
	if scan.backwards {
		scan.low = scanBound{`(` + scan.key + `) >= (?, ?)`, until}
	} else {
		scan.high = scanBound{`(` + scan.key + `) <= (?, ?)`, until}
	}
}

// query returns the SQL of the scan. With one bound on each side, a database can't choose a wrong one to start at.
func (scan indexScan) query(conditions string, args []any, limit string) (string, []any) {
	query, all := `SELECT `+scan.columns+` FROM `+scan.table+` WHERE `+scan.partial, []any(nil)
	for _, b := range []scanBound{scan.low, scan.high} {
		if b.condition != "" {
			query, all = query+` AND `+b.condition, append(all, b.args...)
		}
	}
	order := ``
	if scan.backwards {
		order = ` DESC`
	}
	return query + conditions + ` ORDER BY ` + strings.ReplaceAll(scan.key, `,`, order+`,`) + order + limit, append(all, args...)
}

// end returns a query for the last row that a page scans and the next one. It yields fewer if the scan ends before.
func (scan indexScan) end() (query string, args []any) {
	query, args = scan.query(``, nil, ` LIMIT 2 OFFSET ?`)
	return query, append(args, maxScanned-1)
}

// page returns a query for one row more than the page.
func (scan indexScan) page(limit int) (query string, args []any) {
	query, args = scan.query(scan.conditions, scan.args, ` LIMIT ?`)
	return query, append(args, limit+1)
}

// scanWords returns a scan of the index of words. A user with several words of that beginning is found at the first of
// them. The subqueries are evaluated for each row (they have a LIMIT or a MIN), never for the whole table.
func (s *Store) scanWords(q PeopleQuery, words []string, from PeopleCursor) indexScan {
	first := words[0]
	w := indexScan{
		table: `user_words w`, columns: `w.word, w.user_id AS id`, key: `w.word, w.user_id`, partial: `TRUE`,
		low: scanBound{`w.word >= ?`, []any{first}}, high: scanBound{`w.word < ?`, []any{prefixEnd(first)}}, backwards: q.Before != (PeopleCursor{}),
		conditions: ` AND w.word = (SELECT MIN(x.word) FROM user_words x WHERE x.user_id = w.user_id AND x.word >= ? AND x.word < ?)`,
		args:       []any{first, prefixEnd(first)},
	}
	more, values := hasWords("w.user_id", words[1:])
	w.conditions, w.args = w.conditions+more, append(w.args, values...)
	if conditions, values := s.conditions(q); len(conditions) > 0 {
		w.conditions += ` AND (SELECT 1 FROM users WHERE id = w.user_id AND ` + strings.Join(conditions, ` AND `) + ` LIMIT 1) = 1`
		w.args = append(w.args, values...)
	}
	if from != (PeopleCursor{}) {
		w.startAfter(from.Word, from.ID)
	}
	return w
}

// scanUsers returns a scan of users from the latest, or of the index of a rare role or state.
func (s *Store) scanUsers(q PeopleQuery, words []string, from PeopleCursor) indexScan {
	w := indexScan{
		columns: `created_at AS at, id`, key: `created_at, id`, partial: `TRUE`,
		backwards: q.Before == (PeopleCursor{}), // the latest first
	}
	index := `users_by_created`
	switch {
	case slices.Contains(Roles[1:], q.Role):
		index, w.partial = `users_of_role_`+q.Role, s.hasRole(q.Role)
	case q.State == StateBanned:
		index, w.partial = `users_banned`, `disabled_at IS NOT NULL`
	case q.State == StateDeleted:
		index, w.partial = `users_deleted`, `deleted_at IS NOT NULL`
	}
	w.table = indexed(s.db.Dialect, `users`, index)
	conditions, args := s.conditions(q)
	for _, c := range conditions {
		w.conditions += ` AND ` + c
	}
	more, values := hasWords("users.id", words)
	w.conditions, w.args = w.conditions+more, append(args, values...)
	if from != (PeopleCursor{}) {
		w.startAfter(db.Millis(from.At), from.ID)
	}
	return w
}

// hasWords returns the condition that the user of a row has a word with each of these beginnings.
func hasWords(id string, words []string) (query string, args []any) {
	for _, w := range words {
		query += ` AND (SELECT 1 FROM user_words x WHERE x.user_id = ` + id + ` AND x.word >= ? AND x.word < ? LIMIT 1) = 1`
		args = append(args, w, prefixEnd(w))
	}
	return query, args
}

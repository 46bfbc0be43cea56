package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/db"
)

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

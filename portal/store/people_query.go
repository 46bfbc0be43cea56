package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/db"
)

// rare tells whether the state or the role has an index of its own.
func (q PeopleQuery) rare() bool {
	return q.State == StateBanned || q.State == StateDeleted || slices.Contains(Roles[1:], q.Role)
}

// narrowed is the condition of has, on users u.
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

// fewWords is up to how many words found are walked through rather than those who have a rare state or role.
const fewWords = 1000

// narrowest puts the word first that the fewest have, and tells whether to walk along its people. A list that was
// begun is gone on with as it was begun.
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
		// It goes on along the word that the cursor is a place of.
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

// byWord walks along the index of words. A person who has several words with that beginning is found at the first of
// them. The inner questions are asked for a row at a time (they have a LIMIT or a MIN), never for all at once.
func (s *Store) byWord(q PeopleQuery, words []string, from PeopleCursor) (query string, args []any) {
	first := words[0]
	query = `SELECT w.word, w.user_id AS id FROM user_words w WHERE w.word >= ? AND w.word < ?
		AND w.word = (SELECT MIN(x.word) FROM user_words x WHERE x.user_id = w.user_id AND x.word >= ? AND x.word < ?)`
	args = []any{first, past(first), first, past(first)}
	more, values := others("w.user_id", words[1:])
	query, args = query+more, append(args, values...)
	if conditions, values := s.narrowed(q); len(conditions) > 0 {
		query += ` AND (SELECT 1 FROM users WHERE id = w.user_id AND ` + strings.Join(conditions, ` AND `) + ` LIMIT 1) = 1`
		args = append(args, values...)
	}
	compare, order := `>`, ``
	if q.Before != (PeopleCursor{}) {
		compare, order = `<`, ` DESC`
	}
	if from != (PeopleCursor{}) {
		query += ` AND (w.word, w.user_id) ` + compare + ` (?, ?)`
		args = append(args, from.Word, from.ID)
	}
	return query + ` ORDER BY w.word` + order + `, w.user_id` + order + ` LIMIT ?`, append(args, q.Limit+1)
}

// byCreation walks along users from the latest, or along the few of a rare state or role.
func (s *Store) byCreation(q PeopleQuery, words []string, from PeopleCursor) (query string, args []any) {
	conditions, args := s.narrowed(q)
	query = `SELECT created_at AS at, id FROM users WHERE ` + strings.Join(append(conditions, `TRUE`), ` AND `)
	more, values := others("users.id", words)
	query, args = query+more, append(args, values...)
	compare, order := `<`, ` DESC`
	if q.Before != (PeopleCursor{}) {
		compare, order = `>`, ``
	}
	if from != (PeopleCursor{}) {
		query += ` AND (created_at, id) ` + compare + ` (?, ?)`
		args = append(args, db.Millis(from.At), from.ID)
	}
	return query + ` ORDER BY created_at` + order + `, id` + order + ` LIMIT ?`, append(args, q.Limit+1)
}

// others is the condition that the person of a row has a word with each of these beginnings.
func others(id string, words []string) (query string, args []any) {
	for _, w := range words {
		query += ` AND (SELECT 1 FROM user_words x WHERE x.user_id = ` + id + ` AND x.word >= ? AND x.word < ? LIMIT 1) = 1`
		args = append(args, w, past(w))
	}
	return query, args
}

package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"golang.org/x/text/unicode/norm"

	"gatehouse.example/db"
)

const (
	maxHandle   = 30 // characters derived from a name; a number may follow
	maxPeople   = 8  // people that a search returns
	memberBatch = 200
)

// Person is a member with the name by which others mention them.
type Person struct {
	Sub    string `db:"sub"`
	Handle string `db:"handle"`
	Name   string `db:"name"`
}

// FindPeopleQuery selects people whose handle is in a range.
const FindPeopleQuery = `SELECT m.sub, m.handle, m.name FROM members m WHERE m.handle >= ? AND m.handle < ? ORDER BY m.handle LIMIT ?`

// FindPeople returns the first people whose handle begins with prefix.
func (s *Store) FindPeople(ctx context.Context, prefix string) ([]Person, error) {
	prefix = strings.ToLower(strings.TrimPrefix(prefix, "@"))
	return db.All[Person](ctx, s.db, "find people", FindPeopleQuery, prefix, prefix+"~", maxPeople) // ~ is after every character of a handle
}

// PersonOf returns the person with this sub, or ErrNotFound.
func (s *Store) PersonOf(ctx context.Context, sub string) (Person, error) {
	return db.One[Person](ctx, s.db, "person", `SELECT m.sub, m.handle, m.name FROM members m WHERE m.sub = ?`, sub)
}

// PersonByHandle returns the person with this handle, or ErrNotFound.
func (s *Store) PersonByHandle(ctx context.Context, handle string) (Person, error) {
	return db.One[Person](ctx, s.db, "person", `SELECT m.sub, m.handle, m.name FROM members m WHERE m.handle = ?`, handle)
}

// Known returns those of the handles that exist, in order.
func (s *Store) Known(ctx context.Context, handles []string) ([]string, error) {
	people, err := peopleOf(ctx, s.db, handles)
	known := make([]string, len(people))
	for i, p := range people {
		known[i] = p.Handle
	}
	return known, err
}

func peopleOf(ctx context.Context, q sqlx.ExtContext, handles []string) ([]Person, error) {
	if len(handles) == 0 {
		return nil, nil
	}
	return db.All[Person](ctx, q, "mentioned people", `SELECT m.sub, m.handle, m.name FROM members m WHERE m.handle IN (?) ORDER BY m.handle`, handles)
}

// putMember gives an author a handle, or updates the name that is stored with it. Apps have none. It must come before
// the transaction locks a post or a thread: it may wait for another transaction that takes the same handle.
func putMember(ctx context.Context, tx *sqlx.Tx, by Author) error {
	if isApp(by.Sub) {
		return nil
	}
	known, err := db.All[Person](ctx, tx, "member", `SELECT m.sub, m.handle, m.name FROM members m WHERE m.sub = ?`, by.Sub)
	if err != nil {
		return err
	}
	if len(known) > 0 {
		if known[0].Name == by.Name {
			return nil
		}
		return db.Exec(ctx, tx, "member", `UPDATE members SET name = ? WHERE sub = ?`, by.Name, by.Sub)
	}
	base := handleOf(by.Name)
	for _, handle := range []string{base, base + "-2", base + "-3", base + "-" + strings.ToLower(rand.Text()[:8])} {
		n, err := db.Change(ctx, tx, "member", `INSERT INTO members (sub, handle, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, by.Sub, handle, by.Name)
		if err != nil || n == 1 {
			return err
		}
	}
	return nil // another transaction of the same author has stored one
}

// handleOf derives a handle from a name: its letters and digits of ASCII in lower case, without accents, and hyphens
// for what is between them.
func handleOf(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 0x300 && r <= 0x36f: // an accent of the letter before it
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxHandle {
			break
		}
	}
	if handle := strings.Trim(b.String(), "-"); handle != "" {
		return handle
	}
	return "member"
}

// isApp reports whether a sub is that of an app, which has no handle.
func isApp(sub string) bool { return strings.Contains(sub, ":") }

// addMembers gives handles to the authors of posts that were written before there were handles.
func (s *Store) addMembers(ctx context.Context) error {
	for {
		authors, err := db.All[Author](ctx, s.db, "authors without a handle", `SELECT p.author_sub AS sub, MAX(p.author_name) AS name FROM posts p
			WHERE p.author_sub NOT LIKE '%:%' AND NOT EXISTS (SELECT 1 FROM members m WHERE m.sub = p.author_sub) GROUP BY p.author_sub LIMIT ?`, memberBatch)
		if err != nil || len(authors) == 0 {
			return err
		}
		for _, a := range authors {
			if err := s.db.Tx(ctx, func(tx *sqlx.Tx) error { return putMember(ctx, tx, a) }); err != nil {
				return fmt.Errorf("add members: %w", err)
			}
		}
	}
}

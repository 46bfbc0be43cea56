// Package fulltext finds documents by their words, alike on SQLite (FTS5) and PostgreSQL (tsvector with GIN).
//
//	text ──Words──> search_documents (seq, id, words)
//	                  ├─ SQLite: triggers ──> search_index (FTS5)    Put ──> search_vocabulary
//	                  └─ PostgreSQL: generated column tokens, GIN index
//
// Text is taken apart here and not by the databases, which disagree about what a word is. A document matches a query
// if it has each of its words, or a word that begins so. SQLite would collect all rows of such longer words before it
// gives the first, so they are looked up in a vocabulary and asked for by name: the first 50 in alphabetical order. The
// vocabulary keeps the words of removed documents.
//
// A service that has these tables (see the migrations of forum and shop) has one kind of document. Documents whose
// words are NULL wait to be indexed; their order is that of seq, the newest being the highest.
package fulltext

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// maxLonger is how many longer words a word of a query stands for on SQLite.
const maxLonger = 50

// probed is how many of the newest documents PostgreSQL reads to learn whether a query is frequent.
const probed = 5_000

// Put makes words all that the document id is found by, none to hide it. A new document is the newest.
func Put(ctx context.Context, tx *sqlx.Tx, dialect db.Dialect, id string, words []string) error {
	words = distinct(words)
	_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO search_documents (id, words) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET words = excluded.words`), id, strings.Join(words, " "))
	if err != nil {
		return fmt.Errorf("full text: %w", err)
	}
	if dialect != db.SQLite || len(words) == 0 {
		return nil
	}
	list, err := json.Marshal(words)
	if err != nil {
		return fmt.Errorf("full text: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO search_vocabulary (word) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`, string(list)); err != nil {
		return fmt.Errorf("full text: vocabulary: %w", err)
	}
	return nil
}

// Lock keeps others from changing the words of the document until tx ends.
func Lock(ctx context.Context, tx *sqlx.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE search_documents SET id = id WHERE id = ?`), id); err != nil {
		return fmt.Errorf("full text: %w", err)
	}
	return nil
}

// Extend adds words to those of the document.
func Extend(ctx context.Context, tx *sqlx.Tx, dialect db.Dialect, id string, words []string) error {
	if err := Lock(ctx, tx, id); err != nil {
		return err
	}
	var had *string
	err := tx.GetContext(ctx, &had, tx.Rebind(`SELECT words FROM search_documents WHERE id = ?`), id)
	switch {
	case err != nil && !db.Missing(err):
		return fmt.Errorf("full text: %w", err)
	case had == nil: // it waits to be indexed as a whole
		return nil
	}
	return Put(ctx, tx, dialect, id, append(strings.Fields(*had), words...))
}

// Waiting returns at most n documents that wait to be indexed, the newest first, and then those that an older version or
// an import has written: all says, in SQL, which documents there should be, as a query with the column id.
func Waiting(ctx context.Context, d *db.DB, all string, n int) (ids []string, err error) {
	err = d.SelectContext(ctx, &ids, d.Rebind(`SELECT id FROM search_documents WHERE words IS NULL ORDER BY seq DESC LIMIT ?`), n)
	if err == nil && len(ids) == 0 {
		err = d.SelectContext(ctx, &ids, d.Rebind(`SELECT a.id FROM (`+all+`) a WHERE NOT EXISTS (SELECT 1 FROM search_documents d WHERE d.id = a.id) LIMIT ?`), n)
	}
	if err != nil {
		return nil, fmt.Errorf("full text: %w", err)
	}
	return ids, nil
}

// Match returns a subquery with the column id: the newest documents that match query, at most limit of them. The
// subquery is "" if it is known that there are none.
func Match(ctx context.Context, d *db.DB, query string, limit int) (subquery string, args []any, err error) {
	expression, err := expression(ctx, d, query)
	if err != nil || expression == "" {
		return "", nil, err
	}
	if d.Dialect == db.SQLite {
		return `SELECT d.id FROM search_index i CROSS JOIN search_documents d ON d.seq = i.rowid
			WHERE search_index MATCH ? ORDER BY i.rowid DESC LIMIT ?`, []any{expression, limit}, nil
	}
	// PostgreSQL guesses badly how rare a combination is, and collects all matches of a GIN index before it gives the
	// first. So the newest documents are probed: what is frequent among them is found there, the rest in the index.
	const probe = `SELECT id, seq FROM (SELECT id, seq, tokens FROM search_documents ORDER BY seq DESC LIMIT ?) n WHERE tokens @@ CAST(CAST(? AS TEXT) AS tsquery)`
	var found int
	if err := d.GetContext(ctx, &found, d.Rebind(`SELECT COUNT(*) FROM (`+probe+` LIMIT ?) f`), probed, expression, limit); err != nil {
		return "", nil, fmt.Errorf("full text: %w", err)
	}
	if found == limit {
		return `SELECT id FROM (` + probe + `) f ORDER BY seq DESC LIMIT ?`, []any{probed, expression, limit}, nil
	}
	return `SELECT id FROM search_documents WHERE tokens @@ CAST(CAST(? AS TEXT) AS tsquery) ORDER BY seq + 0 DESC LIMIT ?`, []any{expression, limit}, nil
}

// Patterns returns patterns of LIKE for the words of query. The words of a document match it, with a space before and
// after them, if they match all patterns.
func Patterns(query string) []string {
	patterns := QueryWords(query)
	for i, w := range patterns {
		if patterns[i] = "% " + w + " %"; len([]rune(w)) >= minPrefix {
			patterns[i] = "% " + w + "%"
		}
	}
	return patterns
}

// expression is query in the database's language, "" if it matches nothing. Words have neither quotes nor operators.
func expression(ctx context.Context, d *db.DB, query string) (string, error) {
	words := QueryWords(query)
	terms := make([]string, len(words))
	for i, w := range words {
		prefix := len([]rune(w)) >= minPrefix
		switch {
		case d.Dialect == db.Postgres && prefix:
			terms[i] = `'` + w + `':*`
		case d.Dialect == db.Postgres:
			terms[i] = `'` + w + `'`
		case prefix:
			longer, err := longer(ctx, d, w)
			if err != nil || len(longer) == 0 {
				return "", err
			}
			terms[i] = `("` + strings.Join(longer, `" OR "`) + `")`
		default:
			terms[i] = `"` + w + `"`
		}
	}
	if d.Dialect == db.Postgres {
		return strings.Join(terms, " & "), nil
	}
	return strings.Join(terms, " AND "), nil
}

// longer returns the words of the vocabulary that begin with word.
func longer(ctx context.Context, d *db.DB, word string) (words []string, err error) {
	err = d.SelectContext(ctx, &words, `SELECT word FROM search_vocabulary WHERE word >= ? AND word < ? ORDER BY word LIMIT ?`, word, word+"\U0010FFFF", maxLonger)
	if err != nil {
		return nil, fmt.Errorf("full text: vocabulary: %w", err)
	}
	return words, nil
}

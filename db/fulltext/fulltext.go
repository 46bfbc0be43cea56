package fulltext

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// maxVocabularyWords is the maximum number of longer words that a prefix of a query is replaced by on SQLite.
const maxVocabularyWords = 50

// maxProbed is the number of newest documents that PostgreSQL reads to find out whether a query is frequent.
const maxProbed = 5_000

// Put replaces the words of the document id; without words, no query finds it. A new document is the newest.
func Put(ctx context.Context, tx *sqlx.Tx, dialect db.Dialect, id string, words []string) error {
	words = distinct(words)
	err := db.Exec(ctx, tx, "full text", `INSERT INTO search_documents (id, words) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET words = excluded.words`, id, strings.Join(words, " "))
	if err != nil {
		return err
	}
	if dialect != db.SQLite || len(words) == 0 {
		return nil
	}
	list, err := json.Marshal(words)
	if err != nil {
		return fmt.Errorf("full text: %w", err)
	}
	return db.Exec(ctx, tx, "full text: vocabulary", `INSERT INTO search_vocabulary (word) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`, string(list))
}

// Lock locks the words of the document against other writers until tx ends.
func Lock(ctx context.Context, tx *sqlx.Tx, id string) error {
	return db.Exec(ctx, tx, "full text", `UPDATE search_documents SET id = id WHERE id = ?`, id)
}

// Extend adds words to those of the document. It does nothing if the document is not indexed yet.
func Extend(ctx context.Context, tx *sqlx.Tx, dialect db.Dialect, id string, words []string) error {
	if err := Lock(ctx, tx, id); err != nil {
		return err
	}
	had, err := db.One[*string](ctx, tx, "full text", `SELECT words FROM search_documents WHERE id = ?`, id)
	switch {
	case err != nil && !errors.Is(err, db.ErrNotFound):
		return err
	case had == nil: // the whole document will be indexed later
		return nil
	}
	return Put(ctx, tx, dialect, id, append(strings.Fields(*had), words...))
}

// IndexMissing calls index for each document that is not indexed yet, batch documents in a transaction. all is a SQL
// query for the ids of all documents, in a column id.
func IndexMissing(ctx context.Context, d *db.DB, all string, batch int, index func(ctx context.Context, tx *sqlx.Tx, id string) error) error {
	for {
		ids, err := notIndexed(ctx, d, all, batch)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = d.Tx(ctx, func(tx *sqlx.Tx) error {
			for _, id := range ids {
				if err := index(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("full text: index: %w", err)
		}
	}
}

// notIndexed returns the ids of at most n documents that are not indexed yet, the newest first; if there are none,
// those of documents that an older version or an import has written.
func notIndexed(ctx context.Context, d *db.DB, all string, n int) (ids []string, err error) {
	ids, err = db.All[string](ctx, d, "full text", `SELECT id FROM search_documents WHERE words IS NULL ORDER BY seq DESC LIMIT ?`, n)
	if err == nil && len(ids) == 0 {
		ids, err = db.All[string](ctx, d, "full text", `SELECT a.id FROM (`+all+`) a WHERE NOT EXISTS (SELECT 1 FROM search_documents d WHERE d.id = a.id) LIMIT ?`, n)
	}
	return ids, err
}

// Match returns a subquery with the column id: the newest documents that match query, at most limit of them, newest
// first. The subquery is "" if no document can match.
func Match(ctx context.Context, d *db.DB, query string, limit int) (subquery string, args []any, err error) {
	expression, err := matchExpression(ctx, d, query)
	if err != nil || expression == "" {
		return "", nil, err
	}
	if d.Dialect == db.SQLite {
		return `SELECT d.id FROM search_index i CROSS JOIN search_documents d ON d.seq = i.rowid
			WHERE search_index MATCH ? ORDER BY i.rowid DESC LIMIT ?`, []any{expression, limit}, nil
	}
	// PostgreSQL estimates poorly how rare a combination of words is, and collects all matches of a GIN index before it
	// returns the first. So the newest documents are searched first: they contain frequent words, and the index finds
	// rare ones.
	const probe = `SELECT id, seq FROM (SELECT id, seq, tokens FROM search_documents ORDER BY seq DESC LIMIT ?) n WHERE tokens @@ CAST(CAST(? AS TEXT) AS tsquery)`
	found, err := db.One[int](ctx, d, "full text", `SELECT COUNT(*) FROM (`+probe+` LIMIT ?) f`, maxProbed, expression, limit)
	if err != nil {
		return "", nil, err
	}
	if found == limit {
		return `SELECT id FROM (` + probe + `) f ORDER BY seq DESC LIMIT ?`, []any{maxProbed, expression, limit}, nil
	}
	return `SELECT id FROM search_documents WHERE tokens @@ CAST(CAST(? AS TEXT) AS tsquery) ORDER BY seq + 0 DESC LIMIT ?`, []any{expression, limit}, nil
}

// Patterns returns LIKE patterns for the words of query. A document matches the query if its words, with a space before
// and after them, match all patterns.
func Patterns(query string) []string {
	patterns := QueryWords(query)
	for i, w := range patterns {
		if patterns[i] = "% " + w + " %"; len([]rune(w)) >= minPrefix {
			patterns[i] = "% " + w + "%"
		}
	}
	return patterns
}

// matchExpression returns query in the database's full-text syntax, "" if it matches nothing. Words contain neither
// quotes nor operators.
func matchExpression(ctx context.Context, d *db.DB, query string) (string, error) {
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
			longer, err := vocabularyWords(ctx, d, w)
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

// vocabularyWords returns words of the vocabulary that begin with word, at most maxVocabularyWords.
func vocabularyWords(ctx context.Context, d *db.DB, word string) ([]string, error) {
	return db.All[string](ctx, d, "full text: vocabulary", `SELECT word FROM search_vocabulary WHERE word >= ? AND word < ? ORDER BY word LIMIT ?`, word, word+"\U0010FFFF", maxVocabularyWords)
}

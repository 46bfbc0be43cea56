package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
)

// indexBatch is the number of threads that are indexed in one transaction.
const indexBatch = 100

// reindex updates the search index of a thread with its title and texts. A removed thread is indexed without words.
func (s *Store) reindex(ctx context.Context, tx *sqlx.Tx, thread string) error {
	if err := fulltext.Lock(ctx, tx, thread); err != nil {
		return err
	}
	texts, err := db.All[string](ctx, tx, "texts", `SELECT title FROM threads WHERE id = ? AND removed_at = 0
		UNION ALL SELECT p.source FROM posts p JOIN threads t ON t.id = p.thread_id
			WHERE p.thread_id = ? AND p.removed_at = 0 AND t.removed_at = 0`, thread, thread)
	if err != nil {
		return err
	}
	var words []string
	for _, text := range texts {
		words = append(words, fulltext.Words(text)...)
	}
	return fulltext.Put(ctx, tx, s.db.Dialect, thread, words)
}

// Index indexes the threads that are not indexed yet: those written before the index existed, by an older version or by
// an import.
func (s *Store) Index(ctx context.Context) error {
	return fulltext.IndexMissing(ctx, s.db, `SELECT id FROM threads`, indexBatch, s.reindex)
}

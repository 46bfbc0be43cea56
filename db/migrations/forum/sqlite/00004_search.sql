-- +goose Up
-- What threads are found by (package fulltext). Those that there are wait to be indexed.
CREATE TABLE search_documents (
    seq   INTEGER PRIMARY KEY,
    id    TEXT NOT NULL UNIQUE,             -- of the thread
    words TEXT                              -- each once, with spaces between them; NULL: not yet indexed
);
CREATE INDEX search_documents_waiting ON search_documents (seq) WHERE words IS NULL;
CREATE TABLE search_vocabulary (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIRTUAL TABLE search_index USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');
-- +goose StatementBegin
CREATE TRIGGER search_documents_insert AFTER INSERT ON search_documents WHEN new.words IS NOT NULL BEGIN
    INSERT INTO search_index (rowid, words) VALUES (new.seq, new.words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_documents_delete AFTER DELETE ON search_documents BEGIN
    DELETE FROM search_index WHERE rowid = old.seq;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_documents_update AFTER UPDATE OF words ON search_documents WHEN new.words IS NOT old.words BEGIN
    DELETE FROM search_index WHERE rowid = old.seq;
    INSERT INTO search_index (rowid, words) SELECT new.seq, new.words WHERE new.words IS NOT NULL;
END;
-- +goose StatementEnd
INSERT INTO search_documents (id) SELECT id FROM threads ORDER BY created_at, id;

-- Counted when threads are begun, removed and restored.
ALTER TABLE boards ADD COLUMN threads INTEGER NOT NULL DEFAULT 0;
UPDATE boards SET threads = (SELECT COUNT(*) FROM threads t WHERE t.board = boards.slug AND t.removed_at = 0);

-- Each order of each list has an index.
CREATE INDEX threads_board_active ON threads (board, removed_at, pinned_at DESC, active_at DESC, id DESC);
CREATE INDEX threads_board_votes ON threads (board, removed_at, votes DESC, created_at DESC, id DESC);
CREATE INDEX threads_unanswered ON threads (removed_at, created_at DESC, id DESC, board) WHERE removed_at = 0 AND reply_count = 0 AND locked_at = 0;
CREATE INDEX threads_board_unanswered ON threads (board, removed_at, created_at DESC, id DESC) WHERE removed_at = 0 AND reply_count = 0 AND locked_at = 0;

-- +goose Down
DROP INDEX threads_board_unanswered;
DROP INDEX threads_unanswered;
DROP INDEX threads_board_votes;
DROP INDEX threads_board_active;
ALTER TABLE boards DROP COLUMN threads;
DROP TABLE search_index;
DROP TABLE search_vocabulary;
DROP TABLE search_documents;

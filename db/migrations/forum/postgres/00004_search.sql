-- +goose Up
-- What threads are found by (package fulltext). Those that there are wait to be indexed.
CREATE TABLE search_documents (
    seq    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE,            -- of the thread
    words  TEXT,                            -- each once, with spaces between them; NULL: not yet indexed
    tokens TSVECTOR GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED
);
CREATE INDEX search_documents_waiting ON search_documents (seq) WHERE words IS NULL;
CREATE INDEX search_documents_tokens ON search_documents USING GIN (tokens) WITH (fastupdate = off);
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
DROP TABLE search_documents;

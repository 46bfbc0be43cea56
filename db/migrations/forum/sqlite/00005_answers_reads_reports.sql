-- +goose Up
-- When its author deleted a post, 0: not. Its removed_at is set too, with no removed_by.
ALTER TABLE posts ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;

-- The reply that answers the thread, '' for none.
ALTER TABLE threads ADD COLUMN accepted TEXT NOT NULL DEFAULT '';

-- How far a person has read a thread. A person has a limited number of rows: the threads that were read last.
CREATE TABLE reads (
    sub       TEXT NOT NULL,
    thread_id TEXT NOT NULL REFERENCES threads (id),
    number    INTEGER NOT NULL,             -- of the last post that was shown
    read_at   BIGINT NOT NULL,
    PRIMARY KEY (sub, thread_id)
);
CREATE INDEX reads_read_at ON reads (sub, read_at DESC, thread_id);

-- The threads that a person follows, a limited number.
CREATE TABLE follows (
    sub         TEXT NOT NULL,
    thread_id   TEXT NOT NULL REFERENCES threads (id),
    followed_at BIGINT NOT NULL,
    PRIMARY KEY (sub, thread_id)
);

CREATE TABLE reports (
    id        TEXT PRIMARY KEY,
    post_id   TEXT NOT NULL REFERENCES posts (id),
    sub       TEXT NOT NULL,                -- of the person who reports
    name      TEXT NOT NULL,
    reason    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    closed_at BIGINT NOT NULL               -- 0: open
);
CREATE UNIQUE INDEX reports_open_post ON reports (post_id, sub) WHERE closed_at = 0;
CREATE INDEX reports_open ON reports (at, id) WHERE closed_at = 0;
CREATE INDEX reports_open_sub ON reports (sub) WHERE closed_at = 0;
CREATE INDEX reports_closed ON reports (closed_at) WHERE closed_at <> 0;

-- +goose Down
DROP TABLE reports;
DROP TABLE follows;
DROP TABLE reads;
ALTER TABLE threads DROP COLUMN accepted;
ALTER TABLE posts DROP COLUMN deleted_at;

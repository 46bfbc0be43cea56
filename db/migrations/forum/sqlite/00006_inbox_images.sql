-- +goose Up
-- The people who post, with the name by which others mention them. A handle never changes and is never given again.
CREATE TABLE members (
    sub    TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    name   TEXT NOT NULL                    -- of the newest post
);

-- The handles that the post mentions, with spaces between them: those that existed when it was written.
ALTER TABLE posts ADD COLUMN mentions TEXT NOT NULL DEFAULT '';

-- 1: the reply was the accepted answer when it was removed or deleted.
ALTER TABLE posts ADD COLUMN was_answer INTEGER NOT NULL DEFAULT 0;

CREATE INDEX follows_thread ON follows (thread_id, followed_at, sub);

-- What people are told about. A person has a limited number of rows: the newest.
CREATE TABLE notifications (
    id         TEXT PRIMARY KEY,
    sub        TEXT NOT NULL,               -- who is told
    kind       TEXT NOT NULL,
    post_id    TEXT NOT NULL REFERENCES posts (id),
    thread_id  TEXT NOT NULL REFERENCES threads (id),
    actor_name TEXT NOT NULL,               -- '' for a moderator
    at         BIGINT NOT NULL,
    read_at    BIGINT NOT NULL,             -- 0: unread
    UNIQUE (sub, post_id, kind)
);
CREATE INDEX notifications_newest ON notifications (sub, at DESC, id DESC);
CREATE INDEX notifications_unread ON notifications (sub, thread_id, kind) WHERE read_at = 0;
CREATE INDEX notifications_post ON notifications (post_id, sub);
CREATE INDEX notifications_thread ON notifications (thread_id, sub);
CREATE INDEX notifications_at ON notifications (at);

-- Uploaded images, as they are served. Those that no post has are deleted after a day.
CREATE TABLE images (
    id      TEXT PRIMARY KEY,
    sub     TEXT NOT NULL,                  -- who uploaded it
    post_id TEXT NOT NULL,                  -- '' for none
    type    TEXT NOT NULL,                  -- image/png or image/jpeg
    size    INTEGER NOT NULL,               -- in bytes
    at      BIGINT NOT NULL,                -- since when it is with this post, or with none
    data    BLOB NOT NULL
);
CREATE INDEX images_sub ON images (sub, at, size);
CREATE INDEX images_post ON images (post_id) WHERE post_id <> '';
CREATE INDEX posts_deleted ON posts (deleted_at) WHERE deleted_at > 0;
CREATE INDEX images_waiting ON images (at) WHERE post_id = '';

-- +goose Down
DROP INDEX posts_deleted;
DROP TABLE images;
DROP TABLE notifications;
DROP INDEX follows_thread;
ALTER TABLE posts DROP COLUMN was_answer;
ALTER TABLE posts DROP COLUMN mentions;
DROP TABLE members;

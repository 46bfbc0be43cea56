-- +goose Up
CREATE TABLE boards (
    slug        TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    icon        TEXT NOT NULL,              -- name of a Lucide icon
    position    INTEGER NOT NULL,
    staff_only  BOOLEAN NOT NULL            -- only moderators begin threads here
);

CREATE TABLE threads (
    id           TEXT PRIMARY KEY,
    board        TEXT NOT NULL REFERENCES boards (slug),
    title        TEXT NOT NULL,
    search       TEXT NOT NULL,             -- the title in lower case, as Unicode has it
    author_sub   TEXT NOT NULL,
    author_name  TEXT NOT NULL,             -- as the ID token told it when this was written
    product_slug TEXT NOT NULL,             -- '' when the thread is about no product
    product_name TEXT NOT NULL,
    product_path TEXT NOT NULL,             -- path at the shop
    votes        INTEGER NOT NULL,          -- copy of the opening post's, so that an index can sort by it
    reply_count  INTEGER NOT NULL,          -- replies that are not removed
    last_number  INTEGER NOT NULL,          -- number of the newest post, removed or not
    created_at   BIGINT NOT NULL,
    active_at    BIGINT NOT NULL,           -- newest reply, or created_at
    pinned_at    BIGINT NOT NULL,           -- 0: not pinned; the next two likewise
    locked_at    BIGINT NOT NULL,
    removed_at   BIGINT NOT NULL
);
CREATE INDEX threads_board ON threads (board, removed_at, pinned_at DESC, created_at DESC, id DESC);
CREATE INDEX threads_newest ON threads (removed_at, pinned_at DESC, created_at DESC, id DESC);
CREATE INDEX threads_active ON threads (removed_at, pinned_at DESC, active_at DESC, id DESC);
CREATE INDEX threads_votes ON threads (removed_at, votes DESC, created_at DESC, id DESC);
CREATE INDEX threads_product ON threads (product_slug, created_at DESC);

CREATE TABLE posts (
    id             TEXT PRIMARY KEY,
    thread_id      TEXT NOT NULL REFERENCES threads (id),
    number         INTEGER NOT NULL,        -- 1 is the opening post; no gaps, so pages are ranges
    author_sub     TEXT NOT NULL,
    author_name    TEXT NOT NULL,
    source         TEXT NOT NULL,           -- Markdown
    search         TEXT NOT NULL,           -- source in lower case, as Unicode has it
    votes          INTEGER NOT NULL,
    version        INTEGER NOT NULL,        -- grows by one with each edit
    form_key       TEXT NOT NULL,           -- of the form that sent it
    created_at     BIGINT NOT NULL,
    edited_at      BIGINT NOT NULL,         -- 0: never
    removed_at     BIGINT NOT NULL,         -- 0: shown
    removed_by     TEXT NOT NULL,           -- name of the moderator
    removed_reason TEXT NOT NULL,
    UNIQUE (thread_id, number),
    UNIQUE (author_sub, form_key)           -- a double click posts once
);
CREATE INDEX posts_author ON posts (author_sub, created_at DESC, id DESC);

CREATE TABLE votes (
    post_id  TEXT NOT NULL REFERENCES posts (id),
    sub      TEXT NOT NULL,
    voted_at BIGINT NOT NULL,
    PRIMARY KEY (post_id, sub)
);

CREATE TABLE moderation_log (
    id         TEXT PRIMARY KEY,
    at         BIGINT NOT NULL,
    actor_sub  TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action     TEXT NOT NULL,               -- pin, unpin, lock, unlock, remove, restore
    thread_id  TEXT NOT NULL REFERENCES threads (id),
    post_id    TEXT NOT NULL REFERENCES posts (id),
    reason     TEXT NOT NULL
);
CREATE INDEX moderation_log_at ON moderation_log (at DESC, id DESC);

CREATE TABLE seeds (
    name      TEXT PRIMARY KEY,             -- each seed is sown once, whichever replica is first
    sown_at   BIGINT NOT NULL
);

CREATE TABLE event_outbox (
    id      TEXT PRIMARY KEY,
    type    TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      BIGINT NOT NULL,
    data    TEXT NOT NULL
);

-- +goose Down
DROP TABLE event_outbox;
DROP TABLE seeds;
DROP TABLE moderation_log;
DROP TABLE votes;
DROP TABLE posts;
DROP TABLE threads;
DROP TABLE boards;

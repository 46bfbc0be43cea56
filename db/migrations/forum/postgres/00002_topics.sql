-- +goose Up
-- What a sibling app has a thread about: one thread for each of its topics.
CREATE TABLE topics (
    app       TEXT NOT NULL,                -- client id of the sibling
    topic     TEXT NOT NULL,                -- its own name of the thing
    thread_id TEXT NOT NULL UNIQUE REFERENCES threads (id),
    PRIMARY KEY (app, topic)
);

-- +goose Down
DROP TABLE topics;

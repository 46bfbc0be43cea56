-- Named filters of the console's lists, by administrator.

-- +goose Up
CREATE TABLE saved_filters (
    user_id TEXT NOT NULL REFERENCES users (id),
    list    TEXT NOT NULL,
    name    TEXT NOT NULL,
    query   TEXT NOT NULL,                  -- of the list's address
    PRIMARY KEY (user_id, list, name)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE saved_filters;

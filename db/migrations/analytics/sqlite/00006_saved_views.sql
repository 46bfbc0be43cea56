-- Named sets of filters of the dashboard, by user.

-- +goose Up
CREATE TABLE saved_views (
    subject TEXT NOT NULL,
    name    TEXT NOT NULL,
    query   TEXT NOT NULL,                  -- of the dashboard's address
    PRIMARY KEY (subject, name)
);

-- +goose Down
DROP TABLE saved_views;

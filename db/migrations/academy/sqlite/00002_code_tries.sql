-- +goose Up
-- Wrong codes of rooms, for each person and each network that tried them.
CREATE TABLE code_tries (
    who     TEXT PRIMARY KEY,                -- keyed hash
    tries   BIGINT NOT NULL,
    ends_at BIGINT NOT NULL                  -- of the window, in milliseconds since 1970
);
CREATE INDEX code_tries_ended ON code_tries (ends_at);

-- +goose Down
DROP TABLE code_tries;

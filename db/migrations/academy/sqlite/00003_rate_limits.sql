-- +goose Up
-- Tries of room codes are counted as every other limit is. code_tries stays for replicas of before.
-- How many writes of one kind were made in a window of time.
CREATE TABLE IF NOT EXISTS rate_limits (
    key     TEXT PRIMARY KEY,               -- kind and who writes
    used    INTEGER NOT NULL,
    ends_at BIGINT NOT NULL                 -- of the window
);
CREATE INDEX IF NOT EXISTS rate_limits_ends_at ON rate_limits (ends_at);

-- +goose Down
DROP TABLE rate_limits;

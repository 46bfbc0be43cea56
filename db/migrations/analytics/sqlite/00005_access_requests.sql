-- Requests for access by users without a role, at most one each, and the counters of rate limits.

-- +goose Up
CREATE TABLE access_requests (
    subject TEXT NOT NULL PRIMARY KEY,
    name    TEXT NOT NULL,
    email   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX access_requests_at ON access_requests (at, subject);
CREATE TABLE rate_limits (
    key     TEXT PRIMARY KEY,               -- kind and who writes
    used    INTEGER NOT NULL,
    ends_at BIGINT NOT NULL                 -- of the window
);
CREATE INDEX rate_limits_ends_at ON rate_limits (ends_at);

-- +goose Down
DROP TABLE rate_limits;
DROP TABLE access_requests;

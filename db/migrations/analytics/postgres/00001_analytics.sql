-- +goose Up
-- Every event once, by its id, for as long as the raw retention lasts.
CREATE TABLE events (
    id          TEXT PRIMARY KEY,
    type        TEXT NOT NULL,
    variant     TEXT NOT NULL,              -- what matters of its data: "password", "sso", "given", …
    app         TEXT NOT NULL,              -- the app that it is counted for
    service     TEXT NOT NULL,              -- the service that told of it
    subject     TEXT NOT NULL,              -- '' for nobody in particular
    cents       BIGINT NOT NULL,
    data        TEXT NOT NULL,              -- JSON, as it came
    happened_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX events_happened_at ON events (happened_at);
CREATE INDEX events_received_at ON events (received_at);

-- The lines of the orders among them.
CREATE TABLE sales (
    event_id    TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    line        BIGINT NOT NULL,
    app         TEXT NOT NULL,
    product     TEXT NOT NULL,
    name        TEXT NOT NULL,
    quantity    BIGINT NOT NULL,
    cents       BIGINT NOT NULL,            -- of the whole line
    happened_at BIGINT NOT NULL,
    PRIMARY KEY (event_id, line)
);
CREATE INDEX sales_happened_at ON sales (happened_at);

-- The rollups. Each is changed only in the transaction that stores new events.
CREATE TABLE hourly (
    hour_at BIGINT NOT NULL,
    app     TEXT NOT NULL,
    type    TEXT NOT NULL,
    variant TEXT NOT NULL,
    total   BIGINT NOT NULL,
    cents   BIGINT NOT NULL,
    PRIMARY KEY (hour_at, app, type, variant)
);

CREATE TABLE people_hourly (
    hour_at BIGINT NOT NULL,
    app     TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (hour_at, app, subject)
);

CREATE TABLE people_daily (
    day_at  BIGINT NOT NULL,
    app     TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (day_at, app, subject)
);

CREATE TABLE sales_hourly (
    hour_at  BIGINT NOT NULL,
    app      TEXT NOT NULL,
    product  TEXT NOT NULL,
    name     TEXT NOT NULL,                 -- as in the newest order
    quantity BIGINT NOT NULL,
    cents    BIGINT NOT NULL,
    PRIMARY KEY (hour_at, app, product)
);

-- What could not be counted: the newest as they came, and how many by reason.
CREATE TABLE rejects (
    id          TEXT PRIMARY KEY,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    event       TEXT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX rejects_received_at ON rejects (received_at);

CREATE TABLE skipped (
    reason TEXT PRIMARY KEY,
    total  BIGINT NOT NULL
);

-- Demonstration history that was written, and how far it reaches.
CREATE TABLE seeds (
    name     TEXT PRIMARY KEY,
    until_at BIGINT NOT NULL                -- 0: looked, and there was history already
);

-- +goose Down
DROP TABLE seeds;
DROP TABLE skipped;
DROP TABLE rejects;
DROP TABLE sales_hourly;
DROP TABLE people_daily;
DROP TABLE people_hourly;
DROP TABLE hourly;
DROP TABLE sales;
DROP TABLE events;

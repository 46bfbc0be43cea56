-- What a year is counted from: sums of days and of weeks, and sketches of the people who were active. Times are Unix
-- milliseconds; weeks begin on Mondays, in UTC.

-- +goose Up
CREATE TABLE rollups (
    width   BIGINT NOT NULL,                -- of a day or a week, in milliseconds
    at      BIGINT NOT NULL,
    app     TEXT NOT NULL,
    type    TEXT NOT NULL,
    variant TEXT NOT NULL,
    total   BIGINT NOT NULL,
    cents   BIGINT NOT NULL,
    PRIMARY KEY (width, at, app, type, variant)
) WITHOUT ROWID;
INSERT INTO rollups (width, at, app, type, variant, total, cents)
    SELECT 86400000, hour_at / 86400000 * 86400000, app, type, variant, SUM(total), SUM(cents) FROM hourly GROUP BY 2, app, type, variant;
INSERT INTO rollups (width, at, app, type, variant, total, cents)
    SELECT 604800000, (hour_at - 345600000) / 604800000 * 604800000 + 345600000, app, type, variant, SUM(total), SUM(cents)
    FROM hourly GROUP BY 2, app, type, variant;

CREATE TABLE sales_rollups (
    width    BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    app      TEXT NOT NULL,
    product  TEXT NOT NULL,
    name     TEXT NOT NULL,                 -- as in the newest order
    quantity BIGINT NOT NULL,
    cents    BIGINT NOT NULL,
    PRIMARY KEY (width, at, app, product)
) WITHOUT ROWID;
INSERT INTO sales_rollups (width, at, app, product, name, quantity, cents)
    SELECT 86400000, hour_at / 86400000 * 86400000, app, product, MAX(name), SUM(quantity), SUM(cents) FROM sales_hourly GROUP BY 2, app, product;
INSERT INTO sales_rollups (width, at, app, product, name, quantity, cents)
    SELECT 604800000, (hour_at - 345600000) / 604800000 * 604800000 + 345600000, app, product, MAX(name), SUM(quantity), SUM(cents)
    FROM sales_hourly GROUP BY 2, app, product;

-- Who was active in an hour, a day or a week, for an app or, with app '', all of them. They stand for people_hourly and
-- people_daily, whose rows a replica moves here.
CREATE TABLE people_sketches (
    width  BIGINT NOT NULL,
    app    TEXT NOT NULL,
    at     BIGINT NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY (width, app, at)
);

-- +goose Down
DROP TABLE people_sketches;
DROP TABLE sales_rollups;
DROP TABLE rollups;

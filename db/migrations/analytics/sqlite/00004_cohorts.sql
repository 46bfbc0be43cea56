-- Retention: the week of each user's first known sign-in, and the weeks in which the user signed in. Weeks begin on
-- Mondays, in UTC; times are Unix milliseconds. What raw events are left fills them for the weeks before this migration.

-- +goose Up
CREATE TABLE cohorts (
    subject  TEXT NOT NULL PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX cohorts_last_at ON cohorts (last_at);

CREATE TABLE sign_in_weeks (
    week_at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (week_at, subject)
) WITHOUT ROWID;

INSERT INTO sign_in_weeks (week_at, subject)
    SELECT DISTINCT (happened_at - 345600000) / 604800000 * 604800000 + 345600000, subject FROM events WHERE type = 'sign_in' AND subject <> '';
INSERT INTO cohorts (subject, first_at, last_at) SELECT subject, MIN(week_at), MAX(week_at) FROM sign_in_weeks GROUP BY subject;

-- +goose Down
DROP TABLE sign_in_weeks;
DROP TABLE cohorts;

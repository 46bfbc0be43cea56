-- +goose Up
CREATE TABLE learners (
    sub      TEXT PRIMARY KEY,
    name     TEXT NOT NULL,                  -- as the ID token told it last
    since    BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL
);

CREATE TABLE lessons_done (
    sub     TEXT NOT NULL,
    lesson  TEXT NOT NULL,                   -- slug
    done_at BIGINT NOT NULL,
    PRIMARY KEY (sub, lesson)
);

-- The latest answer of a learner to a question.
CREATE TABLE answers (
    sub         TEXT NOT NULL,
    lesson      TEXT NOT NULL,
    question    TEXT NOT NULL,               -- its id in the lesson
    given       TEXT NOT NULL,               -- chosen options as "0,2", an order, or the text itself
    correct     BOOLEAN,                     -- NULL where nobody can judge: a text, compared with the model answer
    missed      TEXT NOT NULL,               -- the first wrong answer, '' if there was none: it stays when it is corrected
    tries       INTEGER NOT NULL,
    answered_at BIGINT NOT NULL,
    PRIMARY KEY (sub, lesson, question)
);
CREATE INDEX answers_question ON answers (lesson, question, sub);

-- One row for each time that an experiment was started.
CREATE TABLE runs (
    id         TEXT PRIMARY KEY,
    sub        TEXT NOT NULL,
    experiment TEXT NOT NULL,
    mode       TEXT NOT NULL,                -- guided or free
    setup      TEXT NOT NULL,                -- JSON
    step       INTEGER NOT NULL,             -- of the guided path, the next one
    status     TEXT NOT NULL,                -- running, ended
    ended_why  TEXT NOT NULL,                -- a sentence; '' while it runs
    replica    TEXT NOT NULL,                -- of the academy that runs it
    address    TEXT NOT NULL,                -- of its control API
    state      TEXT NOT NULL,                -- JSON: the last that is known of it
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL               -- 0: runs
);
CREATE INDEX runs_of_a_person ON runs (sub, experiment, started_at DESC);
CREATE INDEX runs_running ON runs (status, sub);
CREATE INDEX runs_of_a_replica ON runs (replica, status);

-- Whose guided path came to its end, and what was measured then.
CREATE TABLE experiments_done (
    sub        TEXT NOT NULL,
    experiment TEXT NOT NULL,
    run        TEXT NOT NULL,
    findings   TEXT NOT NULL,                -- JSON
    done_at    BIGINT NOT NULL,
    PRIMARY KEY (sub, experiment)
);

CREATE TABLE rooms (
    id           TEXT PRIMARY KEY,
    code         TEXT NOT NULL UNIQUE,       -- what learners type
    teacher_sub  TEXT NOT NULL,
    teacher_name TEXT NOT NULL,
    title        TEXT NOT NULL,
    opened_at    BIGINT NOT NULL,
    closed_at    BIGINT NOT NULL             -- 0: open
);
CREATE INDEX rooms_of_a_teacher ON rooms (teacher_sub, opened_at DESC);

CREATE TABLE room_members (
    room      TEXT NOT NULL REFERENCES rooms (id),
    sub       TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (room, sub)
);
CREATE INDEX room_members_sub ON room_members (sub);

-- The forum's thread about a lesson.
CREATE TABLE discussions (
    lesson TEXT PRIMARY KEY,
    path   TEXT NOT NULL                     -- at the forum
);

-- +goose Down
DROP TABLE discussions;
DROP TABLE room_members;
DROP TABLE rooms;
DROP TABLE experiments_done;
DROP TABLE runs;
DROP TABLE answers;
DROP TABLE lessons_done;
DROP TABLE learners;

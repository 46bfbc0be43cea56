-- Endings that can be proved: the denylist's own record, bans, the audit, and what the console shows.

-- +goose Up

-- A ban is disabled_at with a reason; without an end it is for good. A deleted account keeps its id and nothing else.
ALTER TABLE users ADD COLUMN ban_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN banned_until BIGINT;
ALTER TABLE users ADD COLUMN deleted_at BIGINT;
-- Whether user_words has the person's words: not yet, for those who were here before there was such a table.
ALTER TABLE users ADD COLUMN indexed BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX users_not_indexed ON users (id) WHERE NOT indexed;
CREATE INDEX users_by_created ON users (created_at, id);
-- The few that a list of people may be narrowed to, so that nobody else is looked at.
CREATE INDEX users_banned ON users (created_at, id) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_deleted ON users (created_at, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX users_of_role_moderator ON users (created_at, id) WHERE instr(roles, '"moderator"') > 0;
CREATE INDEX users_of_role_analyst ON users (created_at, id) WHERE instr(roles, '"analyst"') > 0;
CREATE INDEX users_of_role_admin ON users (created_at, id) WHERE instr(roles, '"admin"') > 0;

-- The words of a person's name and email, folded, so that a search as one types finds them by an index.
CREATE TABLE user_words (
    word    TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (word, user_id)
) WITHOUT ROWID;
CREATE INDEX user_words_of_user ON user_words (user_id, word);

-- The portal replica that somebody signed in at, and the app replica that the sign-in opened an app at.
ALTER TABLE sign_ins ADD COLUMN replica TEXT NOT NULL DEFAULT '';
-- The key in Redis of the portal's session, so that a Redis that lost it does not sign anybody out.
ALTER TABLE sign_ins ADD COLUMN session_key TEXT NOT NULL DEFAULT '';
-- When that session was last used; NULL: never since it began.
ALTER TABLE sign_ins ADD COLUMN session_seen_at BIGINT;
-- Set once the person has been told of an ending that was not theirs.
ALTER TABLE sign_ins ADD COLUMN told_at BIGINT;
CREATE INDEX sign_ins_by_session_key ON sign_ins (session_key) WHERE session_key <> '';
CREATE INDEX sign_ins_living ON sign_ins (last_seen_at, sid) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_by_end ON sign_ins (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sign_ins_living_by_replica ON sign_ins (replica, last_seen_at, sid) WHERE ended_at IS NULL;
ALTER TABLE sign_in_clients ADD COLUMN replica TEXT NOT NULL DEFAULT '';
-- The end of the sign-in, kept here too by a trigger, so that the living ones of one app are found by an index alone.
ALTER TABLE sign_in_clients ADD COLUMN ended_at BIGINT;
UPDATE sign_in_clients SET ended_at = (SELECT ended_at FROM sign_ins WHERE sign_ins.sid = sign_in_clients.sid);
-- +goose StatementBegin
CREATE TRIGGER sign_in_clients_end AFTER UPDATE OF ended_at ON sign_ins BEGIN
    UPDATE sign_in_clients SET ended_at = NEW.ended_at WHERE sid = NEW.sid;
END;
-- +goose StatementEnd
CREATE INDEX sign_in_clients_living ON sign_in_clients (client_id, last_at, sid) WHERE ended_at IS NULL;
CREATE INDEX sign_in_clients_living_by_replica ON sign_in_clients (client_id, replica, last_at, sid) WHERE ended_at IS NULL;

-- What the denylist in Redis must hold. ending groups the entries of one act; published_at is NULL until Redis has the entry.
CREATE TABLE revocations (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    ending       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    value        TEXT NOT NULL,
    before_at    BIGINT,
    reason       TEXT NOT NULL,
    note         TEXT NOT NULL DEFAULT '',
    by_user      TEXT NOT NULL DEFAULT '',
    client_id    TEXT NOT NULL DEFAULT '',
    at           BIGINT NOT NULL,
    until_at     BIGINT NOT NULL,
    published_at BIGINT
);
CREATE INDEX revocations_pending ON revocations (seq) WHERE published_at IS NULL;
CREATE INDEX revocations_by_until ON revocations (until_at);
CREATE INDEX revocations_by_value ON revocations (value);
CREATE INDEX revocations_of_ending ON revocations (ending);
CREATE INDEX revocations_by_kind ON revocations (kind, seq);
CREATE INDEX revocations_by_reason ON revocations (reason, seq);

-- What became of one act: which servers confirmed it, each with its milliseconds.
CREATE TABLE receipts (
    ending     TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL DEFAULT '',
    reason     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    receipt    TEXT NOT NULL
);
CREATE INDEX receipts_of_user ON receipts (user_id, created_at);
CREATE INDEX receipts_by_time ON receipts (created_at, ending);

-- Which act owes a client its logout token, how long the client took to hear, and when it was last tried.
ALTER TABLE backchannel_outbox ADD COLUMN ending TEXT NOT NULL DEFAULT '';
ALTER TABLE backchannel_outbox ADD COLUMN took_ms BIGINT;
ALTER TABLE backchannel_outbox ADD COLUMN tried_at BIGINT;
-- When an admin sent it again, after it had been given up.
ALTER TABLE backchannel_outbox ADD COLUMN again_at BIGINT;
CREATE INDEX backchannel_outbox_of_ending ON backchannel_outbox (ending);
CREATE INDEX backchannel_outbox_given_up ON backchannel_outbox (given_up_at, id) WHERE given_up_at IS NOT NULL;
-- What is due is claimed client by client, so that one that hangs delays no other.
CREATE INDEX backchannel_outbox_due_of_client ON backchannel_outbox (client_id, next_attempt_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX backchannel_outbox_waiting ON backchannel_outbox (created_at, id) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX backchannel_outbox_heard ON backchannel_outbox (delivered_at) WHERE delivered_at IS NOT NULL;
DROP INDEX backchannel_outbox_due;

-- A declared client comes from the configuration and is not edited in the console.
ALTER TABLE clients ADD COLUMN declared BOOLEAN NOT NULL DEFAULT FALSE;
-- Grows with every change, so that a form that was filled in before somebody else's change is not stored over it.
ALTER TABLE clients ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- When a published key may begin to sign; NULL once it has, or for the first ones.
ALTER TABLE signing_keys ADD COLUMN activates_at BIGINT;
ALTER TABLE signing_keys ADD COLUMN activated_at BIGINT;
-- A key that somebody else may have is believed no longer, not even as the signature of a hint.
ALTER TABLE signing_keys ADD COLUMN withdrawn_at BIGINT;
-- Two replicas that make the next key at once: the second finds this index in its way.
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (alg) WHERE activates_at IS NOT NULL;

-- Who did what, to whom, from where. Rows are written once.
CREATE TABLE audit (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    at          BIGINT NOT NULL,
    actor_id    TEXT NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    target_kind TEXT NOT NULL DEFAULT '',
    target_id   TEXT NOT NULL DEFAULT '',
    target      TEXT NOT NULL DEFAULT '',
    ip          TEXT NOT NULL DEFAULT '',
    request_id  TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_target ON audit (target_id, seq);
CREATE INDEX audit_by_actor ON audit (actor_id, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_time ON audit (at, seq);

-- +goose StatementBegin
CREATE TRIGGER audit_keeps_rows BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit cannot be edited');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_loses_nothing BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit cannot be edited');
END;
-- +goose StatementEnd
-- REPLACE deletes without asking the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_is_written_once BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) BEGIN
    SELECT RAISE(ABORT, 'the audit cannot be edited');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_is_written_once;
DROP TRIGGER audit_loses_nothing;
DROP TRIGGER audit_keeps_rows;
DROP TABLE audit;
DROP INDEX signing_keys_next;
ALTER TABLE signing_keys DROP COLUMN withdrawn_at;
ALTER TABLE signing_keys DROP COLUMN activated_at;
ALTER TABLE signing_keys DROP COLUMN activates_at;
ALTER TABLE clients DROP COLUMN version;
ALTER TABLE clients DROP COLUMN declared;
CREATE INDEX backchannel_outbox_due ON backchannel_outbox (next_attempt_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
DROP INDEX backchannel_outbox_heard;
DROP INDEX backchannel_outbox_waiting;
DROP INDEX backchannel_outbox_due_of_client;
DROP INDEX backchannel_outbox_given_up;
DROP INDEX backchannel_outbox_of_ending;
ALTER TABLE backchannel_outbox DROP COLUMN again_at;
ALTER TABLE backchannel_outbox DROP COLUMN tried_at;
ALTER TABLE backchannel_outbox DROP COLUMN took_ms;
ALTER TABLE backchannel_outbox DROP COLUMN ending;
DROP TABLE receipts;
DROP TABLE revocations;
DROP INDEX sign_in_clients_living_by_replica;
DROP INDEX sign_in_clients_living;
DROP TRIGGER sign_in_clients_end;
ALTER TABLE sign_in_clients DROP COLUMN ended_at;
ALTER TABLE sign_in_clients DROP COLUMN replica;
DROP INDEX sign_ins_living_by_replica;
DROP INDEX sign_ins_by_end;
DROP INDEX sign_ins_living;
DROP INDEX sign_ins_by_session_key;
ALTER TABLE sign_ins DROP COLUMN told_at;
ALTER TABLE sign_ins DROP COLUMN session_seen_at;
ALTER TABLE sign_ins DROP COLUMN session_key;
ALTER TABLE sign_ins DROP COLUMN replica;
DROP TABLE user_words;
DROP INDEX users_of_role_admin;
DROP INDEX users_of_role_analyst;
DROP INDEX users_of_role_moderator;
DROP INDEX users_deleted;
DROP INDEX users_banned;
DROP INDEX users_by_created;
DROP INDEX users_not_indexed;
ALTER TABLE users DROP COLUMN indexed;
ALTER TABLE users DROP COLUMN deleted_at;
ALTER TABLE users DROP COLUMN banned_until;
ALTER TABLE users DROP COLUMN ban_reason;

-- The portal's first schema. Times are Unix milliseconds (suffix _at); lists are JSON arrays in TEXT.

-- +goose Up

-- A person who may sign in. The id is the `sub` of every token (OpenID Connect Core §2).
CREATE TABLE users (
    id                  TEXT PRIMARY KEY,
    email               TEXT NOT NULL,
    email_normalised    TEXT NOT NULL UNIQUE,
    name                TEXT NOT NULL,
    password_hash       TEXT NOT NULL,
    roles               TEXT NOT NULL DEFAULT '[]',
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL,
    disabled_at         BIGINT
);

-- One sign-in on one browser: the `sid` of every token. created_at is the auth_time.
CREATE TABLE sign_ins (
    sid          TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    user_agent   TEXT NOT NULL DEFAULT '',
    ip           TEXT NOT NULL DEFAULT '',
    ended_at     BIGINT,
    end_reason   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sign_ins_of_user ON sign_ins (user_id, ended_at);

-- Which clients a sign-in opened: whom back-channel logout must tell.
CREATE TABLE sign_in_clients (
    sid       TEXT NOT NULL REFERENCES sign_ins (sid),
    client_id TEXT NOT NULL,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL,
    PRIMARY KEY (sid, client_id)
);

-- A registered client. secret_hash is NULL for a public client; the secret is long and random, so it is
-- the hex of one SHA-256.
CREATE TABLE clients (
    id                        TEXT PRIMARY KEY,
    name                      TEXT NOT NULL,
    secret_hash               TEXT,
    redirect_uris             TEXT NOT NULL DEFAULT '[]',
    post_logout_redirect_uris TEXT NOT NULL DEFAULT '[]',
    backchannel_logout_uri    TEXT NOT NULL DEFAULT '',
    auth_method               TEXT NOT NULL,
    grant_types               TEXT NOT NULL DEFAULT '[]',
    scopes                    TEXT NOT NULL DEFAULT '[]',
    audiences                 TEXT NOT NULL DEFAULT '[]',
    created_at                BIGINT NOT NULL,
    disabled_at               BIGINT
);

-- A signing key. Published while not_after is NULL or still to come; one active key an algorithm signs.
CREATE TABLE signing_keys (
    kid                   TEXT PRIMARY KEY,
    alg                   TEXT NOT NULL,
    private_pem_encrypted TEXT NOT NULL,
    public_jwk            TEXT NOT NULL,
    created_at            BIGINT NOT NULL,
    not_after             BIGINT,
    active                BOOLEAN NOT NULL
);
-- Two replicas that start at once both try to insert; the second finds this index in its way and reads.
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (alg) WHERE active;

-- A refresh token, by the hex of its SHA-256. successor is the token that replaced it, encrypted under a
-- key that only this token's holder can derive.
CREATE TABLE refresh_tokens (
    hash       TEXT PRIMARY KEY,
    family     TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    sid        TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    scope      TEXT NOT NULL,
    audience   TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    successor  TEXT,
    revoked_at BIGINT
);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_of_sid ON refresh_tokens (sid);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- A logout token that a client has yet to hear of.
CREATE TABLE backchannel_outbox (
    id              TEXT PRIMARY KEY,
    client_id       TEXT NOT NULL,
    sid             TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    delivered_at    BIGINT,
    given_up_at     BIGINT,
    last_error      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX backchannel_outbox_due ON backchannel_outbox (next_attempt_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;

-- Events that wait to be published (package events).
CREATE TABLE event_outbox (
    id      TEXT PRIMARY KEY,
    type    TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      BIGINT NOT NULL,
    data    TEXT NOT NULL
);

-- +goose Down
DROP TABLE event_outbox;
DROP TABLE backchannel_outbox;
DROP TABLE refresh_tokens;
DROP TABLE signing_keys;
DROP TABLE clients;
DROP TABLE sign_in_clients;
DROP TABLE sign_ins;
DROP TABLE users;

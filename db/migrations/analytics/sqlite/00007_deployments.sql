-- When each version of each service started for the first time, in Unix milliseconds.

-- +goose Up
CREATE TABLE deployments (
    service TEXT NOT NULL,
    version TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (service, version)
) WITHOUT ROWID;
CREATE INDEX deployments_at ON deployments (at, service, version);

-- +goose Down
DROP TABLE deployments;

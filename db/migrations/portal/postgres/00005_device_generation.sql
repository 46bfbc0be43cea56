-- Browsers that an account was signed in on are remembered until this number rises.

-- +goose Up
ALTER TABLE users ADD COLUMN device_generation BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE users DROP COLUMN device_generation;

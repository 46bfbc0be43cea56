-- When a sign-in began, which its session's absolute end counts from. NULL: at created_at, since the password was not
-- given again; created_at is that of the newest proof.

-- +goose Up
ALTER TABLE sign_ins ADD COLUMN began_at BIGINT;

-- +goose Down
ALTER TABLE sign_ins DROP COLUMN began_at;

-- The pages of a person who has many sign-ins read no more of them than they show.

-- +goose Up
-- Until when the person knows of the endings that were not theirs. It stands for sign_ins.told_at, which is not used any
-- more, and is kept for replicas of the version before.
ALTER TABLE users ADD COLUMN told_at BIGINT NOT NULL DEFAULT 0;
UPDATE users SET told_at = COALESCE((SELECT MAX(s.told_at) FROM sign_ins s WHERE s.user_id = users.id), 0);
CREATE INDEX sign_ins_of_user_by_reason ON sign_ins (user_id, end_reason, ended_at, sid) WHERE ended_at IS NOT NULL;
CREATE INDEX sign_ins_living_of_user ON sign_ins (user_id, last_seen_at, sid) WHERE ended_at IS NULL;
DROP INDEX sign_ins_of_user;
CREATE INDEX sign_ins_of_user ON sign_ins (user_id, ended_at, sid);
DROP INDEX receipts_of_user;
CREATE INDEX receipts_of_user ON receipts (user_id, created_at, ending);

-- +goose Down
DROP INDEX receipts_of_user;
CREATE INDEX receipts_of_user ON receipts (user_id, created_at);
DROP INDEX sign_ins_of_user;
CREATE INDEX sign_ins_of_user ON sign_ins (user_id, ended_at);
DROP INDEX sign_ins_living_of_user;
DROP INDEX sign_ins_of_user_by_reason;
ALTER TABLE users DROP COLUMN told_at;

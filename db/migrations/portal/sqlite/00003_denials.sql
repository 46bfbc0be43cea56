-- A whole person is denied by one row, whatever the number of their sign-ins; the sign-ins are ended after it, in batches.

-- +goose Up

-- Sign-ins that began before denied_before are over, but for the one named denied_except, whether ended_at says so yet or not.
ALTER TABLE users ADD COLUMN denied_before BIGINT;
ALTER TABLE users ADD COLUMN denied_except TEXT NOT NULL DEFAULT '';
UPDATE users SET denied_before = (SELECT MAX(before_at) FROM revocations WHERE kind = 'sub' AND value = users.id);

-- Of a denial of a person: the sign-in that it leaves out, and when a replica may go on ending the others; NULL once all are.
ALTER TABLE revocations ADD COLUMN except_sid TEXT NOT NULL DEFAULT '';
ALTER TABLE revocations ADD COLUMN tidy_at BIGINT;
CREATE INDEX revocations_to_tidy ON revocations (tidy_at) WHERE tidy_at IS NOT NULL;

-- +goose Down
DROP INDEX revocations_to_tidy;
ALTER TABLE revocations DROP COLUMN tidy_at;
ALTER TABLE revocations DROP COLUMN except_sid;
ALTER TABLE users DROP COLUMN denied_except;
ALTER TABLE users DROP COLUMN denied_before;

-- The console counts the failed sign-ins of the last day by address.

-- +goose Up
CREATE INDEX audit_failed_sign_ins ON audit (at, ip, target) WHERE action = 'person.sign_in_failed';

-- +goose Down
DROP INDEX audit_failed_sign_ins;

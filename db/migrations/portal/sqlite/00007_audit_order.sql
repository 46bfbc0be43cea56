-- The audit is listed by time, the newest first: an index for each filter and for each two of them, all in that order.

-- +goose Up
DROP INDEX audit_by_target;
DROP INDEX audit_by_actor;
DROP INDEX audit_by_action;
CREATE INDEX audit_by_actor ON audit (actor_id, at, seq);
CREATE INDEX audit_by_action ON audit (action, at, seq);
CREATE INDEX audit_by_kind ON audit (target_kind, at, seq);
CREATE INDEX audit_by_target ON audit (target_id, at, seq);
CREATE INDEX audit_by_actor_action ON audit (actor_id, action, at, seq);
CREATE INDEX audit_by_actor_kind ON audit (actor_id, target_kind, at, seq);
CREATE INDEX audit_by_actor_target ON audit (actor_id, target_id, at, seq);
CREATE INDEX audit_by_action_kind ON audit (action, target_kind, at, seq);
CREATE INDEX audit_by_action_target ON audit (action, target_id, at, seq);
CREATE INDEX audit_by_kind_target ON audit (target_kind, target_id, at, seq);

-- +goose Down
DROP INDEX audit_by_kind_target;
DROP INDEX audit_by_action_target;
DROP INDEX audit_by_action_kind;
DROP INDEX audit_by_actor_target;
DROP INDEX audit_by_actor_kind;
DROP INDEX audit_by_actor_action;
DROP INDEX audit_by_target;
DROP INDEX audit_by_kind;
DROP INDEX audit_by_action;
DROP INDEX audit_by_actor;
CREATE INDEX audit_by_target ON audit (target_id, seq);
CREATE INDEX audit_by_actor ON audit (actor_id, seq);
CREATE INDEX audit_by_action ON audit (action, seq);

-- How often a client was registered, changed or removed: replicas keep the clients in memory and look at this number.

-- +goose Up
CREATE TABLE client_changes (n BIGINT NOT NULL);
INSERT INTO client_changes (n) VALUES (1);
-- +goose StatementBegin
CREATE TRIGGER client_added AFTER INSERT ON clients BEGIN UPDATE client_changes SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_changed AFTER UPDATE ON clients BEGIN UPDATE client_changes SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_removed AFTER DELETE ON clients BEGIN UPDATE client_changes SET n = n + 1; END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER client_removed;
DROP TRIGGER client_changed;
DROP TRIGGER client_added;
DROP TABLE client_changes;

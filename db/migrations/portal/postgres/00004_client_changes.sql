-- How often a client was registered, changed or removed: replicas keep the clients in memory and look at this number.

-- +goose Up
CREATE TABLE client_changes (n BIGINT NOT NULL);
INSERT INTO client_changes (n) VALUES (1);
-- +goose StatementBegin
CREATE FUNCTION count_client_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE client_changes SET n = n + 1;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER client_changes AFTER INSERT OR UPDATE OR DELETE ON clients
    FOR EACH STATEMENT EXECUTE FUNCTION count_client_change();

-- +goose Down
DROP TRIGGER client_changes ON clients;
DROP FUNCTION count_client_change();
DROP TABLE client_changes;

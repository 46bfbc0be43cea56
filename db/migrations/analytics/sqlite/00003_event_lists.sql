-- Lists of raw events, newest first: of all types, and of one. The second index also has all that a funnel reads.

-- +goose Up
DROP INDEX events_happened_at;
CREATE INDEX events_happened_at ON events (happened_at, id);
CREATE INDEX events_type ON events (type, happened_at, id, app, subject);

-- +goose Down
DROP INDEX events_type;
DROP INDEX events_happened_at;
CREATE INDEX events_happened_at ON events (happened_at);

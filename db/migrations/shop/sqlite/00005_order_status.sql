-- +goose Up
-- When the user cancelled or returned an order. How far other orders have come follows from placed_at and the clock.
ALTER TABLE orders ADD COLUMN cancelled_at BIGINT;
ALTER TABLE orders ADD COLUMN returned_at BIGINT;

-- +goose Down
ALTER TABLE orders DROP COLUMN returned_at;
ALTER TABLE orders DROP COLUMN cancelled_at;

-- +goose Up
-- What has been chosen in the checkout of a cart; the address is the user's in addresses.
ALTER TABLE carts ADD COLUMN addressed INTEGER NOT NULL DEFAULT 0;  -- 1: the address was confirmed
ALTER TABLE carts ADD COLUMN shipping TEXT NOT NULL DEFAULT '';
ALTER TABLE carts ADD COLUMN payment TEXT NOT NULL DEFAULT '';

ALTER TABLE orders ADD COLUMN shipping TEXT NOT NULL DEFAULT 'standard';
ALTER TABLE orders ADD COLUMN shipping_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN payment TEXT NOT NULL DEFAULT '';     -- '': placed when the shop had no payment

-- A merchant who moves an order on puts its clock ahead. What it had reached by then stays as it was.
ALTER TABLE orders ADD COLUMN ahead BIGINT NOT NULL DEFAULT 0;      -- milliseconds
ALTER TABLE orders ADD COLUMN paid_at BIGINT;
ALTER TABLE orders ADD COLUMN packed_at BIGINT;
ALTER TABLE orders ADD COLUMN sent_at BIGINT;
ALTER TABLE orders ADD COLUMN delivered_at BIGINT;
ALTER TABLE orders ADD COLUMN restocked INTEGER NOT NULL DEFAULT 0; -- 1: its products are back in stock
UPDATE orders SET restocked = 1 WHERE cancelled_at IS NOT NULL;

CREATE INDEX orders_newest ON orders (placed_at DESC, id);
CREATE INDEX orders_cancelled ON orders (placed_at DESC, id) WHERE cancelled_at IS NOT NULL;
CREATE INDEX orders_returned ON orders (placed_at DESC, id) WHERE returned_at IS NOT NULL;

-- +goose Down
DROP INDEX orders_returned;
DROP INDEX orders_cancelled;
DROP INDEX orders_newest;
ALTER TABLE orders DROP COLUMN restocked;
ALTER TABLE orders DROP COLUMN delivered_at;
ALTER TABLE orders DROP COLUMN sent_at;
ALTER TABLE orders DROP COLUMN packed_at;
ALTER TABLE orders DROP COLUMN paid_at;
ALTER TABLE orders DROP COLUMN ahead;
ALTER TABLE orders DROP COLUMN payment;
ALTER TABLE orders DROP COLUMN shipping_cents;
ALTER TABLE orders DROP COLUMN shipping;
ALTER TABLE carts DROP COLUMN payment;
ALTER TABLE carts DROP COLUMN shipping;
ALTER TABLE carts DROP COLUMN addressed;

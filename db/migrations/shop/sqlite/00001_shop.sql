-- +goose Up
CREATE TABLE categories (
    slug        TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    position    INTEGER NOT NULL
);

CREATE TABLE products (
    slug        TEXT PRIMARY KEY,
    category    TEXT NOT NULL REFERENCES categories (slug),
    name        TEXT NOT NULL,
    name_lower  TEXT NOT NULL,              -- sorts alike on both databases
    price_cents BIGINT NOT NULL CHECK (price_cents > 0),
    stock       INTEGER NOT NULL CHECK (stock >= 0),
    short       TEXT NOT NULL,
    description TEXT NOT NULL,
    specs       TEXT NOT NULL,              -- JSON: [{"name": …, "value": …}]
    featured    INTEGER NOT NULL,           -- rank on the front page, 1 first
    added_at    BIGINT NOT NULL,
    search      TEXT NOT NULL               -- lower-cased words a search looks through
);
CREATE INDEX products_category ON products (category);

CREATE TABLE carts (
    id         TEXT PRIMARY KEY,            -- "person:<sub>" or "guest:<sha-256 of the cookie>"
    updated_at BIGINT NOT NULL
);
CREATE INDEX carts_updated_at ON carts (updated_at);

CREATE TABLE cart_items (
    cart_id     TEXT NOT NULL REFERENCES carts (id) ON DELETE CASCADE,
    product     TEXT NOT NULL REFERENCES products (slug),
    quantity    INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    price_cents BIGINT NOT NULL,            -- as the person saw it
    added_at    BIGINT NOT NULL,
    PRIMARY KEY (cart_id, product)
);

CREATE TABLE addresses (
    subject    TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    street     TEXT NOT NULL,
    postcode   TEXT NOT NULL,
    city       TEXT NOT NULL,
    country    TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE orders (
    id              TEXT PRIMARY KEY,       -- random: knowing one tells nothing of another
    subject         TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    total_cents     BIGINT NOT NULL,
    units           INTEGER NOT NULL,
    name            TEXT NOT NULL,
    street          TEXT NOT NULL,
    postcode        TEXT NOT NULL,
    city            TEXT NOT NULL,
    country         TEXT NOT NULL,
    placed_at       BIGINT NOT NULL,
    UNIQUE (subject, idempotency_key)
);
CREATE INDEX orders_of_person ON orders (subject, placed_at);

CREATE TABLE order_items (
    order_id    TEXT NOT NULL REFERENCES orders (id),
    line        INTEGER NOT NULL,
    product     TEXT NOT NULL,              -- no reference: an order outlives the product
    name        TEXT NOT NULL,
    quantity    INTEGER NOT NULL CHECK (quantity > 0),
    price_cents BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE INDEX order_items_product ON order_items (product, order_id);

CREATE TABLE event_outbox (
    id      TEXT PRIMARY KEY,
    type    TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      BIGINT NOT NULL,
    data    TEXT NOT NULL
);

-- +goose Down
DROP TABLE event_outbox;
DROP TABLE order_items;
DROP TABLE orders;
DROP TABLE addresses;
DROP TABLE cart_items;
DROP TABLE carts;
DROP TABLE products;
DROP TABLE categories;

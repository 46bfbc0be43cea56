-- +goose Up
-- The reviews of products by people who bought them, at most one a person and product.
CREATE TABLE reviews (
    id         TEXT PRIMARY KEY,
    product    TEXT NOT NULL REFERENCES products (slug),
    subject    TEXT NOT NULL,
    name       TEXT NOT NULL,               -- of the person, at the time of writing
    stars      INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    edited_at  BIGINT,
    UNIQUE (product, subject)
);
CREATE INDEX reviews_of_product ON reviews (product, created_at DESC, id);

-- Counted in the transaction that writes a review, so that lists of products read no reviews.
ALTER TABLE products ADD COLUMN stars_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN stars_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN stars_3 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN stars_4 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN stars_5 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN review_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN rating INTEGER NOT NULL DEFAULT 0; -- the average in tenths of a star, 0 without reviews

-- The catalogue with the best rated first, and the products with four stars and up, by price.
CREATE INDEX products_rating ON products (rating DESC, review_count DESC, slug);
CREATE INDEX products_category_rating ON products (category, rating DESC, review_count DESC, slug);
CREATE INDEX products_top_rated ON products (price_cents, slug) WHERE rating >= 40;

-- +goose Down
DROP INDEX products_top_rated;
DROP INDEX products_category_rating;
DROP INDEX products_rating;
ALTER TABLE products DROP COLUMN rating;
ALTER TABLE products DROP COLUMN review_count;
ALTER TABLE products DROP COLUMN stars_5;
ALTER TABLE products DROP COLUMN stars_4;
ALTER TABLE products DROP COLUMN stars_3;
ALTER TABLE products DROP COLUMN stars_2;
ALTER TABLE products DROP COLUMN stars_1;
DROP TABLE reviews;

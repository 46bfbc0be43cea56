-- +goose Up
-- What products are found by (package fulltext). Those that there are wait to be indexed.
CREATE TABLE search_documents (
    seq   INTEGER PRIMARY KEY,
    id    TEXT NOT NULL UNIQUE,             -- of the product: its slug
    words TEXT                              -- each once, with spaces between them; NULL: not yet indexed
);
CREATE INDEX search_documents_waiting ON search_documents (seq) WHERE words IS NULL;
CREATE TABLE search_vocabulary (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIRTUAL TABLE search_index USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');
-- +goose StatementBegin
CREATE TRIGGER search_documents_insert AFTER INSERT ON search_documents WHEN new.words IS NOT NULL BEGIN
    INSERT INTO search_index (rowid, words) VALUES (new.seq, new.words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_documents_delete AFTER DELETE ON search_documents BEGIN
    DELETE FROM search_index WHERE rowid = old.seq;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_documents_update AFTER UPDATE OF words ON search_documents WHEN new.words IS NOT old.words BEGIN
    DELETE FROM search_index WHERE rowid = old.seq;
    INSERT INTO search_index (rowid, words) SELECT new.seq, new.words WHERE new.words IS NOT NULL;
END;
-- +goose StatementEnd
INSERT INTO search_documents (id) SELECT slug FROM products ORDER BY added_at, slug;

-- Counted when products are added.
ALTER TABLE categories ADD COLUMN products INTEGER NOT NULL DEFAULT 0;
UPDATE categories SET products = (SELECT COUNT(*) FROM products p WHERE p.category = categories.slug);

-- Each order of the catalogue, and of a category, has an index.
CREATE INDEX products_featured ON products (featured, slug);
CREATE INDEX products_category_featured ON products (category, featured, slug);
CREATE INDEX products_added ON products (added_at DESC, slug);
CREATE INDEX products_category_added ON products (category, added_at DESC, slug);
CREATE INDEX products_price ON products (price_cents, slug);
CREATE INDEX products_category_price ON products (category, price_cents, slug);
CREATE INDEX products_price_down ON products (price_cents DESC, slug);
CREATE INDEX products_category_price_down ON products (category, price_cents DESC, slug);
CREATE INDEX products_name ON products (name_lower, slug);
CREATE INDEX products_category_name ON products (category, name_lower, slug);
DROP INDEX products_category;

-- +goose Down
CREATE INDEX products_category ON products (category);
DROP INDEX products_category_name;
DROP INDEX products_name;
DROP INDEX products_category_price_down;
DROP INDEX products_price_down;
DROP INDEX products_category_price;
DROP INDEX products_price;
DROP INDEX products_category_added;
DROP INDEX products_added;
DROP INDEX products_category_featured;
DROP INDEX products_featured;
ALTER TABLE categories DROP COLUMN products;
DROP TABLE search_index;
DROP TABLE search_vocabulary;
DROP TABLE search_documents;

-- +goose Up
-- The trigrams of the vocabulary find words that are similar to a mistyped one. Words have spaces around them, so that
-- their first and last letters are trigrams, too.
CREATE VIRTUAL TABLE search_trigrams USING fts5(word, tokenize='trigram', detail=none);
INSERT INTO search_trigrams (word) SELECT ' ' || word || ' ' FROM search_vocabulary;
-- +goose StatementBegin
CREATE TRIGGER search_vocabulary_insert AFTER INSERT ON search_vocabulary BEGIN
    INSERT INTO search_trigrams (word) VALUES (' ' || new.word || ' ');
END;
-- +goose StatementEnd

-- The products in stock, by price.
CREATE INDEX products_available ON products (price_cents, slug) WHERE stock > 0;

-- +goose Down
DROP INDEX products_available;
DROP TRIGGER search_vocabulary_insert;
DROP TABLE search_trigrams;

-- +goose Up
-- The trigrams of the vocabulary find words that are similar to a mistyped one. The extension is one for all services, so
-- queries use none of its names, which may be in any schema. A role that may not create it searches without the index.
CREATE TABLE search_vocabulary (word TEXT COLLATE "C" PRIMARY KEY);
INSERT INTO search_vocabulary (word)
    SELECT DISTINCT unnest(string_to_array(words, ' ')) FROM search_documents WHERE words IS NOT NULL;
-- +goose StatementBegin
CREATE FUNCTION search_vocabulary_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_vocabulary (word) SELECT unnest(string_to_array(new.words, ' ')) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER search_documents_vocabulary AFTER INSERT OR UPDATE OF words ON search_documents
    FOR EACH ROW WHEN (new.words IS NOT NULL) EXECUTE FUNCTION search_vocabulary_add();
-- +goose StatementBegin
DO $$
DECLARE trigrams TEXT;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
    SELECT n.nspname INTO trigrams FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX search_vocabulary_trigrams ON search_vocabulary USING GIN (word %I.gin_trgm_ops)', trigrams);
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    RAISE NOTICE 'pg_trgm cannot be created';
END $$;
-- +goose StatementEnd

-- The products in stock, by price.
CREATE INDEX products_available ON products (price_cents, slug) WHERE stock > 0;

-- +goose Down
DROP INDEX products_available;
DROP TRIGGER search_documents_vocabulary ON search_documents;
DROP FUNCTION search_vocabulary_add();
DROP TABLE search_vocabulary;

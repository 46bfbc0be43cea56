// Package fulltext finds documents by their words, with the same results on SQLite (FTS5) and PostgreSQL (tsvector with
// GIN).
//
//	text ──Words──> search_documents (seq, id, words)
//	                  ├─ SQLite: triggers ──> search_index (FTS5)    Put ──> search_vocabulary
//	                  └─ PostgreSQL: generated column tokens, GIN index
//
// Text is split into words here and not by the databases, which split it differently. A document matches a query if it
// contains each of the query's words, or a word with that prefix. For a prefix, SQLite would collect all matching rows
// before it returns the first, so the longer words are looked up in a vocabulary and queried by name: the first 50 in
// alphabetical order. The vocabulary keeps the words of removed documents.
//
// A service that has these tables (see the migrations of forum and shop) has one kind of document. Documents whose
// words are NULL are not indexed yet; they are ordered by seq, the newest having the highest.
package fulltext

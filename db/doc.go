// Package db opens a service's database and migrates its schema.
//
// Each service has a database of its own: a SQLite file in one folder, or a schema of one PostgreSQL database. Code
// above this package works with both: queries are written once with ? placeholders and rebound, times are whole
// milliseconds since 1970 (UTC), and a writing transaction holds its write lock from the start, so that it can't fail
// half-way for want of it.
package db

// Package db opens a service's database and brings its schema up to date.
//
// Each service has a database of its own: a SQLite file in one folder, or a
// schema of one PostgreSQL database. The two behave alike for everything above
// this package: queries are written once with ? placeholders and rebound, times
// are whole milliseconds since 1970 (UTC), and a writing transaction is one that
// nothing can make fail half-way for being late to ask for the write lock.
package db

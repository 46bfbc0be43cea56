// Package store is the table of users for the experiment with the email index, in SQL for SQLite and PostgreSQL. All
// its data is generated, and it is deleted when the experiment ends.
//
// On SQLite it is a file of the run. On PostgreSQL it is a schema of the run, which holds an advisory lock on the
// schema's name while it is running; the next run drops the schemas without a lock, which runs that crashed have
// left.
package store

//go:build unix

// Command ban measures whether the number of an account's sign-ins affects the time of a ban:
//
//	go run ./tests/bench/ban [-sign-ins 1000000] [-bans 20]
//
// On SQLite and on PostgreSQL, with a real Redis and one replica that confirms, it bans alternately an account with one
// sign-in and an account with many, until the denial is confirmed. Then the many sign-ins are ended in the background,
// while other users sign in: a password's hash, a row in the database, a session in Redis.
package main

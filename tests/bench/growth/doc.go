//go:build unix

// Command growth measures how pages slow down as their tables grow, and prints a table: each request against a small
// and a large database, on SQLite and, with -postgres, on PostgreSQL.
//
//	go run ./tests/bench/growth [-only REGEXP] [-large 1.0] [-rounds 9] [-postgres URL]
//
// Each service has a file with its suite: how its database is filled, and which requests are measured. Requests go to
// the service's handler without a network. The time is the median of the rounds, in milliseconds, on this machine; "at
// once" requests are eight concurrent ones, of which the slowest counts. Any status but 200 is printed. -postgres names
// a server where the user may create databases; each suite has its own, dropped afterwards.
package main

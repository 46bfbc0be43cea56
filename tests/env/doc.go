// Package env gives tests the servers that Gatehouse runs on: a real Redis, a real PostgreSQL, the embedded Redis and
// SQLite files. Each test gets an empty database of its own, and may run in parallel with any other.
//
//	test ── env.Redis(t) ────── redis-server, one a test process ── one numbered database a test, leased and emptied
//	     ── env.MiniRedis(t) ── miniredis, one a test, its clock follows the real one
//	     ── env.EachDB(t, …) ── sqlite: a file in t.TempDir()
//	                         └─ postgres: one server a test process ── one database a test, dropped afterwards
//
// A server starts when the first test needs it and stops when the test process has ended in any way: a watching shell
// holds the other end of a pipe (process.go). GATEHOUSE_TEST_REDIS_URL and GATEHOUSE_TEST_POSTGRES_URL name running
// servers; `go run gatehouse.example/tests/env/cmd/withservers CMD…` starts one pair and runs CMD with both set, so
// that many packages share it.
//
// Nothing here skips a test: if a server is missing, the test fails with a message that says how to install it.
package env

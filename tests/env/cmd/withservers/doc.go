//go:build unix

// Command withservers starts one Redis and one PostgreSQL, runs a command with GATEHOUSE_TEST_REDIS_URL and
// GATEHOUSE_TEST_POSTGRES_URL set to them, and stops both again. Its exit code is the command's.
//
//	go run gatehouse.example/tests/env/cmd/withservers go test ./...
package main

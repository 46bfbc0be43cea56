// Package storetest tests that the portal's store behaves the same on SQLite and PostgreSQL: each of its tests runs
// on both. Its exported functions create records for the tests of other packages.
package storetest

// Package store keeps the portal's records in its database: a file per table, and nothing but SQL in it. Each caller
// declares the methods that it needs as an interface of its own, which [Store] implements.
//
// Times are [time.Time] with millisecond precision, stored as Unix milliseconds. Lists are JSON arrays.
package store

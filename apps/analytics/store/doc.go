// Package store keeps what analytics counts, in SQL.
//
//	Add: one transaction { new events by id → rollups of those that were new }
//
//	events, sales            raw, for a bounded time: they tell a second delivery from a first
//	hourly, rollups          totals by hour, day or week, app, type and variant
//	sales_hourly, _rollups   what was sold, likewise
//	people_sketches          how many were active, likewise: exact for a few, estimated for many
//	rejects, skipped         what could not be counted
//
// Rows are written in the order of their keys, so that replicas that work at once never wait for each other in a circle.
package store

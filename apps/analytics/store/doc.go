// Package store keeps what analytics counts, in SQL.
//
//	Add: one transaction { new events by id → rollups of those that were new }
//
//	events, sales            raw, for a bounded time: they tell a second delivery from a first
//	hourly                   totals by hour, app, type and variant
//	people_hourly, _daily    who was active
//	sales_hourly             what was sold
//	rejects, skipped         what could not be counted
//
// Rows are written in the order of their keys, so that replicas that work at once never wait for each other in a circle.
package store

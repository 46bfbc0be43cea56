// Package store stores what analytics counts, in SQL.
//
//	Add: one transaction { new events by id → rollups of those that were new }
//
//	events, sales            raw, for a limited time: they identify events that are delivered again
//	hourly, rollups          totals by hour, day or week, app, type and variant
//	sales_hourly, _rollups   sales by hour, day or week, app and product
//	people_sketches          active users by hour, day or week, and app: exact up to a limit, then estimated
//	cohorts, sign_in_weeks   weeks of sign-ins by user, for twelve weeks
//	access_requests          requests for a role, by users who have none
//	saved_views              named filters, by user
//	rejects, skipped         events that could not be counted, and their totals by reason
//
// Rows are written in the order of their keys, so that concurrent replicas cannot deadlock.
package store

package analytics

import (
	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/events"
)

// people shows the number of distinct active users and of new accounts.
var people = panel{key: "people", title: "Active people", about: "different people ", kind: chart.Lines, unit: persons, lines: []line{
	{key: "active", name: "Active", color: 1, of: (*figures).active},
	{key: "registered", name: "Registered", color: 4, of: counts(events.Registered)},
}}

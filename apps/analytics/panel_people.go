package analytics

import (
	"gatehouse/apps/analytics/chart"
	"gatehouse/events"
)

// people shows how many different people did anything, and how many of them are new.
var people = panel{key: "people", title: "Active people", about: "different people ", kind: chart.Lines, unit: persons, lines: []line{
	{key: "active", name: "Active", color: 1, of: (*figures).active},
	{key: "registered", name: "Registered", color: 4, of: counts(events.Registered)},
}}

package analytics

import (
	"gatehouse/apps/analytics/chart"
	"gatehouse/events"
)

// people shows how many different people did anything, and how many of them are new.
var people = panel{key: "people", title: "Active people", draw: func(p panel, f *figures) shown {
	s := overTime(p, f, chart.Lines, persons,
		line{name: "Active", color: 1, values: f.active()},
		line{name: "Registered", color: 4, values: f.counts(events.Registered)},
	)
	s.subtitle = "different people " + s.subtitle
	return s
}}

package analytics

import (
	"gatehouse/apps/analytics/chart"
	"gatehouse/events"
)

// orders shows how often somebody bought.
var orders = panel{key: "orders", title: "Orders", apps: []string{"shop"}, draw: func(p panel, f *figures) shown {
	return overTime(p, f, chart.Bars, times, line{name: "Orders", color: 1, values: f.counts(events.OrderPlaced)})
}}

// revenue shows for how much.
var revenue = panel{key: "revenue", title: "Revenue", apps: []string{"shop"}, draw: func(p panel, f *figures) shown {
	return overTime(p, f, chart.Bars, dollars, line{name: "Revenue", color: 4, values: f.cents(events.OrderPlaced)})
}}

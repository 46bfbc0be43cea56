package analytics

import (
	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/events"
)

// orders shows the number of orders.
var orders = panel{key: "orders", title: "Orders", apps: []string{"shop"}, types: []string{events.OrderPlaced}, kind: chart.Bars, unit: times, lines: []line{
	{key: "orders", name: "Orders", color: 1, of: counts(events.OrderPlaced)},
}}

// revenue shows the money that the orders brought in, without those that were cancelled or returned: these are
// subtracted when that happened.
var revenue = panel{key: "revenue", title: "Revenue", apps: []string{"shop"}, types: []string{events.OrderPlaced, events.OrderCancelled}, kind: chart.Bars, unit: dollars, lines: []line{
	{key: "revenue", name: "Revenue", color: 4, of: func(f *figures) []int64 {
		values := cents(events.OrderPlaced)(f)
		for i, n := range cents(events.OrderCancelled)(f) {
			values[i] += n
		}
		return values
	}},
}}

package analytics

import (
	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/events"
)

// orders shows the number of orders.
var orders = panel{key: "orders", title: "Orders", apps: []string{"shop"}, types: []string{events.OrderPlaced}, kind: chart.Bars, unit: times, lines: []line{
	{key: "orders", name: "Orders", color: 1, of: counts(events.OrderPlaced)},
}}

// revenue shows the money that the orders brought in.
var revenue = panel{key: "revenue", title: "Revenue", apps: []string{"shop"}, types: []string{events.OrderPlaced}, kind: chart.Bars, unit: dollars, lines: []line{
	{key: "revenue", name: "Revenue", color: 4, of: cents(events.OrderPlaced)},
}}

package analytics

import (
	"gatehouse/apps/analytics/chart"
	"gatehouse/apps/analytics/fact"
	"gatehouse/events"
)

// posts shows what is written in the forum.
var posts = panel{key: "posts", title: "Posts and threads", apps: []string{"forum"}, draw: func(p panel, f *figures) shown {
	return overTime(p, f, chart.Bars, times,
		line{name: "Replies", color: 1, values: f.counts(events.PostCreated)},
		line{name: "Threads", color: 3, values: f.counts(events.ThreadCreated)},
	)
}}

// votes shows what people think of it.
var votes = panel{key: "votes", title: "Votes", apps: []string{"forum"}, draw: func(p panel, f *figures) shown {
	return overTime(p, f, chart.Bars, times,
		line{name: "Given", color: 4, values: f.counts(events.VoteCast, fact.Given)},
		line{name: "Taken back", color: 5, values: f.counts(events.VoteCast, fact.TakenBack), down: true},
	)
}}

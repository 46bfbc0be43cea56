package analytics

import (
	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/events"
)

// posts shows the new threads and replies in the forum.
var posts = panel{key: "posts", title: "Posts and threads", apps: []string{"forum"}, types: []string{events.PostCreated, events.ThreadCreated}, kind: chart.Bars, unit: times, lines: []line{
	{key: "replies", name: "Replies", color: 1, of: counts(events.PostCreated)},
	{key: "threads", name: "Threads", color: 3, of: counts(events.ThreadCreated)},
}}

// votes shows the votes given and taken back in the forum.
var votes = panel{key: "votes", title: "Votes", apps: []string{"forum"}, types: []string{events.VoteCast}, kind: chart.Bars, unit: times, lines: []line{
	{key: "given", name: "Given", color: 4, of: counts(events.VoteCast, fact.Given)},
	{key: "taken_back", name: "Taken back", color: 5, of: counts(events.VoteCast, fact.TakenBack), down: true},
}}

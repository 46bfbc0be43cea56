package analytics

import (
	"gatehouse/apps/analytics/chart"
	"gatehouse/apps/analytics/fact"
	"gatehouse/events"
)

// signIns shows how people come and go: at the portal's form, by single sign-on into an app, and out again.
var signIns = panel{key: "sign-ins", title: "Sign-ins and sign-outs", wide: true, draw: func(p panel, f *figures) shown {
	return overTime(p, f, chart.Lines, times,
		line{name: "By single sign-on", color: 1, values: f.counts(events.SignIn, fact.SSO)},
		line{name: "With password", color: 2, values: f.counts(events.SignIn, fact.Password)},
		line{name: "Sign-outs", color: 3, values: f.counts(events.SignOut)},
	)
}}

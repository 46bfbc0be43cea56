package analytics

import (
	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/events"
)

// signIns shows sign-ins at the portal's form, sign-ins to an app by single sign-on, and sign-outs.
var signIns = panel{key: "sign-ins", title: "Sign-ins and sign-outs", types: []string{events.SignIn, events.SignOut}, wide: true, kind: chart.Lines, unit: times, lines: []line{
	{key: "single_sign_on", name: "By single sign-on", color: 1, of: counts(events.SignIn, fact.SSO)},
	{key: "password", name: "With password", color: 2, of: counts(events.SignIn, fact.Password)},
	{key: "sign_outs", name: "Sign-outs", color: 3, of: counts(events.SignOut)},
}}

package analytics

import "gatehouse.example/web"

// Pages are the pages that people can go to from every app.
var Pages = []web.Page{
	{Label: "Overview", Path: "/", Words: "dashboard charts figures orders sign-ins people home"},
	{Label: "Funnel", Path: "/funnel", Words: "conversion visits carts orders"},
	{Label: "Retention", Path: "/retention", Words: "cohorts weeks"},
	{Label: "Requests for access", Path: "/access", Words: "roles admin", Roles: []string{"admin"}},
	{Label: "Skipped events", Path: "/skipped", Words: "errors rejected"},
}

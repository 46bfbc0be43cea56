package analytics

import "gatehouse.example/web"

// Pages are the pages that people can go to from every app.
var Pages = []web.Page{
	{Label: "Dashboard", Path: "/", Words: "charts figures orders sign-ins people home"},
	{Label: "Skipped events", Path: "/skipped", Words: "errors rejected"},
}

package forum

import "gatehouse.example/web"

// Pages are the pages that people can go to from every app.
var Pages = []web.Page{
	{Label: "Boards", Path: "/", Words: "threads discussions home"},
	{Label: "Start a thread", Path: "/new", Words: "new write ask question post", SignedIn: true},
	{Label: "My posts", Path: "/mine", Words: "your own threads replies", SignedIn: true},
	{Label: "Threads you follow", Path: "/following", Words: "subscribed new replies", SignedIn: true},
	{Label: "Inbox", Path: InboxPath, Words: "notifications mentions quotes messages unread", SignedIn: true},
	{Label: "Find people", Path: "/people", Words: "members names mention handle", SignedIn: true},
	{Label: "Reported posts", Path: "/moderation/reports", Words: "moderation queue", Roles: []string{"moderator", "admin"}},
	{Label: "Moderation log", Path: "/moderation", Words: "removed posts", Roles: []string{"moderator", "admin"}},
	{SearchFor: "the forum", Path: "/search?q="},
}

package academy

import "gatehouse.example/web"

// Pages are the pages that people can go to from every app.
var Pages = []web.Page{
	{Label: "Lessons", Path: "/", Words: "contents chapters course home"},
	{Label: "Experiments", Path: "/experiments", Words: "lab try runs"},
	{Label: "Your own sign-in, step by step", Path: "/seen", Words: "trace requests", SignedIn: true},
	{Label: "Classes", Path: "/rooms", Words: "rooms teacher join code", SignedIn: true},
	{Label: "The estate", Path: "/estate", Words: "servers replicas kill add balancer", Roles: []string{"admin"}},
}

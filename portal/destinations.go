package portal

import "gatehouse.example/web"

// Pages are the pages that people can go to from every app.
var Pages = []web.Page{
	{Label: "Start page", Path: "/", Words: "home apps"},
	{Label: "Sign in", Path: "/sign-in", Words: "log in login", Guest: true},
	{Label: "Create an account", Path: "/register", Words: "sign up join", Guest: true},
	{Label: "Profile", Path: "/profile", Words: "your account name email password change", SignedIn: true},
	{Label: "My sessions", Path: "/sessions", Words: "your devices sign-ins security sign out elsewhere", SignedIn: true},
	{Label: "Sign out of every app", Path: "/sign-out", Words: "log out logout", SignedIn: true},
	{Label: "Console: overview", Path: "/admin", Words: "admin dashboard", Roles: administrators},
	{Label: "Console: health", Path: "/admin/health", Words: "admin problems advice status", Roles: administrators},
	{Label: "Console: people", Path: "/admin/people", Words: "admin users accounts ban", Roles: administrators},
	{Label: "Console: sign-ins", Path: "/admin/sign-ins", Words: "admin sessions end", Roles: administrators},
	{Label: "Console: failed sign-ins", Path: "/admin/sign-ins/failed", Words: "admin attacks addresses guesses", Roles: administrators},
	{Label: "Console: servers", Path: "/admin/servers", Words: "admin replicas health", Roles: administrators},
	{Label: "Console: denylist", Path: "/admin/denylist", Words: "admin revocations bans", Roles: administrators},
	{Label: "Console: deliveries", Path: "/admin/deliveries", Words: "admin back-channel logout tokens outbox", Roles: administrators},
	{Label: "Console: clients", Path: "/admin/clients", Words: "admin apps secrets redirect", Roles: administrators},
	{Label: "Register a client", Path: "/admin/clients/new", Words: "admin console new app", Roles: administrators},
	{Label: "Console: signing keys", Path: "/admin/keys", Words: "admin rotate jwks", Roles: administrators},
	{Label: "Console: audit", Path: "/admin/audit", Words: "admin log history who", Roles: administrators},
	{Label: "Delete your account", Path: "/profile/delete", Words: "close remove", SignedIn: true},
	{SearchFor: "people", Path: "/admin/people?q=", Roles: administrators},
}

var administrators = []string{"admin"}

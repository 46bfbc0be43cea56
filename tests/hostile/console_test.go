//go:build unix

package hostile_test

// console are the endpoints of the administrators' console.
var console = []endpoint{
	{route: "GET /admin", as: administrator},
	{route: "GET /admin/health", as: administrator},

	{route: "GET /admin/people", as: administrator, query: "q=ali&state=active&role=customer&size=25&after=eyJpIjoieCJ9&before=&select=all"},
	{route: "GET /admin/people/bulk", as: administrator, query: "action=ban&id=no-such-person&back=q%3Dali"},
	{route: "POST /admin/people/bulk", as: administrator, query: "action=ban&id=no-such-person&back=q%3Dali", form: "reason=spam&until=date&date=2020-01-01"},
	{route: "POST /admin/filters", as: administrator, form: "list=people&name=Banned&query=state%3Dbanned"},
	{route: "POST /admin/filters/delete", as: administrator, form: "list=audit&name=Banned&query=state%3Dbanned"},
	{route: "GET /admin/people/:id", as: administrator, query: "page=1"},
	{route: "GET /admin/people/:id/ban", as: administrator},
	{route: "POST /admin/people/:id/ban", as: administrator, form: "reason=spam&until=date&date=2020-01-01"},
	{route: "GET /admin/people/:id/unban", as: administrator},
	{route: "POST /admin/people/:id/unban", as: administrator},
	{route: "POST /admin/people/:id/unban/undo", as: administrator},
	{route: "GET /admin/people/:id/roles", as: administrator},
	{route: "POST /admin/people/:id/roles", as: administrator, form: "had=moderator&role=customer"},
	{route: "GET /admin/people/:id/end", as: administrator},
	{route: "POST /admin/people/:id/end", as: administrator},
	{route: "POST /admin/people/:id/sign-ins/:sid/end", as: administrator},
	{route: "GET /admin/receipts/:ending", as: administrator, query: "part=apps"},
	{route: "GET /admin/audit", as: administrator, query: "actor=a@example.com&target=x&action=person.banned&kind=user&from=2026-01-01&to=2026-12-31&older=9&newer=1"},
	{route: "GET /admin/audit.csv", as: administrator, query: "actor=a@example.com&target=x&action=person.banned&kind=user&from=2026-01-01&to=2026-12-31&older=9"},

	{route: "GET /admin/sign-ins", as: administrator, query: "app=shop&replica=shop-1&after=1795428000000~a&before="},
	{route: "GET /admin/sign-ins/failed", as: administrator},
	{route: "POST /admin/sign-ins/:sid/end", once: true, form: "back=app%3Dshop"},
	{route: "GET /admin/servers", as: administrator},
	{route: "GET /admin/denylist", as: administrator, query: "q=alice&kind=sub&reason=banned&state=waiting&after=9&before="},
	{route: "GET /admin/deliveries", as: administrator, query: "state=waiting&client=shop&after=1795428000000~a&before="},
	{route: "POST /admin/deliveries/:id/again", as: administrator, form: "back=state%3Dwaiting"},
	{route: "POST /admin/deliveries/clients/:client/again", as: administrator, form: "back=client%3Dshop"},

	{route: "GET /admin/clients", as: administrator, query: "q=app&after=a&before="},
	{route: "GET /admin/clients/new", as: administrator},
	{route: "POST /admin/clients/new", as: administrator, form: "client_id=bad+id&" + clientForm},
	{route: "GET /admin/clients/:client", as: administrator},
	{route: "GET /admin/clients/:client/edit", as: administrator},
	{route: "POST /admin/clients/:client/edit", as: administrator, form: "version=1&" + clientForm},
	{route: "GET /admin/clients/:client/secret", as: administrator},
	{route: "POST /admin/clients/:client/secret", as: administrator, form: "version=1"},
	{route: "GET /admin/clients/:client/disable", as: administrator},
	{route: "POST /admin/clients/:client/disable", as: administrator},
	{route: "GET /admin/clients/:client/enable", as: administrator},
	{route: "POST /admin/clients/:client/enable", as: administrator},

	{route: "GET /admin/keys", as: administrator},
	{route: "POST /admin/keys/rotate", as: administrator, form: "alg=ES256"},
	{route: "GET /admin/keys/:kid/activate", as: administrator},
	{route: "POST /admin/keys/:kid/activate", as: administrator, form: "anyway=no"},
	{route: "GET /admin/keys/:kid/withdraw", as: administrator},
	{route: "POST /admin/keys/:kid/withdraw", as: administrator},
}

const clientForm = "client_name=An+app&grant_types=authorization_code&redirect_uris=https://app.example/cb&post_logout_redirect_uris=" +
	"&backchannel_logout_uri=&token_endpoint_auth_method=client_secret_basic&scopes=openid&audiences="

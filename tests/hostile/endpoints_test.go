//go:build unix

package hostile_test

import "strings"

// An endpoint is one route with a good value for each of its parameters, from which the bad requests are made.
type endpoint struct {
	route string // method and path, as in the route table
	as    who    // whose cookies come along
	query string // good parameters of the address
	form  string // good parameters of the body
	once  bool   // what it does ends the visitor's session: no cookies are sent
}

func (d endpoint) method() string { m, _, _ := strings.Cut(d.route, " "); return m }
func (d endpoint) path() string   { _, p, _ := strings.Cut(d.route, " "); return p }

// who is a visitor with a cookie jar of their own.
type who int

const (
	guest who = iota
	customer
	moderator
	analyst
	elsewhere // alice again, on another browser
	administrator
	client // a program that authenticates as the client "hostile"
)

// The names in braces stand for values of the running estate (visitors_test.go).
const (
	authorize = "client_id=hostile&redirect_uri={callback}&response_type=code&scope=openid+email&state=s&nonce=n&code_challenge={challenge}" +
		"&code_challenge_method=S256&prompt=&max_age=&login_hint=&id_token_hint=&resource=&request=&gatehouse_reauth="
	logout  = "id_token_hint={hint}&client_id=hostile&post_logout_redirect_uri={after}&state=s&logout_hint="
	thread  = "title=A+question+about+locks&board={board}&body=How+do+I+oil+one%3F&product=brass-lever-handle&key=ABCDEFGHIJKLMNOPQRSTUVWXY2&version=1"
	period  = "range=7d&from=2026-11-01&to=2026-11-20&app=shop&live=off&was=empty"
	address = "name=Ann&street=High+Street+1&postcode=12345&city=Town&country=DE"
)

// shared are the endpoints that every service has (package web).
var shared = []endpoint{
	{route: "GET /healthz"},
	{route: "GET /readyz"},
	{route: "GET /assets/*"},
	{route: "GET /favicon.ico"},
	{route: "POST /theme", form: "theme=dark&return_to=/"},
	{route: "GET /go", as: customer, query: "q=orders"},
}

// joined are the endpoints of an app that has joined (package sso/rp).
var joined = []endpoint{
	{route: "GET /auth/sign-in", query: "return_to=/&again=1"},
	{route: "GET /auth/callback", query: "state=ABCDEFGHIJKLMNOPQRSTUVWXYZ&code=c&iss={issuer}&error=&error_description=&session_state="},
	{route: "POST /auth/sign-out", once: true},
	{route: "GET /auth/signed-out", query: "state=ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	{route: "POST /auth/backchannel-logout", form: "logout_token={hint}"},
	{route: "GET /auth/live"}, // as a guest: anybody else's does not end
	{route: "GET /auth/state", as: customer},
}

var endpoints = map[string][]endpoint{
	"portal": append([]endpoint{
		{route: "GET /.well-known/openid-configuration"},
		{route: "GET /oauth/jwks"},
		{route: "POST /oauth/token", as: client, form: "grant_type=authorization_code&code=c&redirect_uri={callback}&code_verifier={verifier}" +
			"&scope=openid&resource={issuer}&refresh_token=r&client_id=&client_secret=&client_assertion="},
		{route: "POST /oauth/revoke", as: client, form: "token=t&token_type_hint=refresh_token"},
		{route: "POST /oauth/introspect", as: client, form: "token=t&token_type_hint=access_token"},
		{route: "GET /oauth/userinfo", query: "access_token=t"},
		{route: "POST /oauth/userinfo", form: "access_token=t"},
		{route: "GET /oauth/authorize", as: customer, query: authorize},
		{route: "POST /oauth/authorize", as: customer, form: authorize},
		{route: "GET /oauth/logout", once: true, query: logout},
		{route: "POST /oauth/logout", once: true, form: logout + "&confirm=yes"},
		{route: "GET /", as: customer},
		{route: "GET /sign-in", query: "return_to=/profile&login_hint=a@example.com&reauth=1"},
		{route: "POST /sign-in", form: "email=nobody@example.com&password=wrong+password&return_to=/&reauth=&username="},
		{route: "GET /register", query: "return_to=/profile&login_hint=a@example.com"},
		{route: "POST /register", form: "name=Ann&email=demo&password=short&return_to=/"},
		{route: "GET /profile", as: customer},
		{route: "POST /profile/name", as: customer, form: "name=Ann+Other"},
		{route: "POST /profile/email", as: customer, form: "email=other@example.com&email_password=wrong+password"},
		{route: "POST /profile/password", as: customer, form: "current_password=wrong+password&new_password=a+much+longer+one"},
		{route: "GET /profile/delete", as: customer},
		{route: "POST /profile/delete", as: customer, form: "password=wrong+password&sure=yes"},
		{route: "POST /sessions/told", as: customer},
		{route: "GET /sessions", as: customer, query: "page=1"},
		{route: "POST /sessions/:sid/end", as: customer},
		{route: "GET /sign-out", as: customer},
		{route: "POST /sign-out", once: true},
		{route: "POST /sign-out/everywhere", once: true},
		{route: "GET /signed-out"},
		{route: "GET /auth/live"}, // as a guest: anybody else's does not end
		{route: "GET /auth/state", as: customer},
	}, append(console, shared...)...),

	"shop": append(append([]endpoint{
		{route: "GET /", as: customer, query: "q=brass&category=doors&sort=price-up&page=1&min=10&max=90.50&stock=in&stars=4"},
		{route: "GET /products/:slug", as: customer, query: "page=1"},
		{route: "GET /products/:slug/review", as: customer},
		{route: "POST /products/:slug/review", as: customer, form: "stars=4&title=Well+made&body=It+fits."},
		{route: "POST /reviews/:review/remove", as: moderator},
		{route: "GET /pictures/:file", query: "v=1"},
		{route: "GET /cart", as: customer, query: "removed=brass-lever-handle&quantity=1&again=ABCDEFGHIJKLMNOPQRSTUVWXY2"},
		{route: "POST /cart/items", as: customer, form: "product=brass-lever-handle&quantity=1&return_to=/cart"},
		{route: "POST /cart/items/:slug", as: customer, form: "quantity=1"},
		{route: "POST /cart/items/:slug/remove", as: customer, form: "quantity=1"},
		{route: "POST /cart/items/:slug/restore", as: customer, form: "quantity=1"},
		{route: "GET /checkout", as: moderator}, // whose cart nobody touches
		{route: "GET /checkout/address", as: moderator, query: "address=ABCDEFGHIJKLMNOPQRSTUVWXY2"},
		{route: "POST /checkout/address", as: moderator, form: address},
		{route: "GET /checkout/shipping", as: moderator},
		{route: "POST /checkout/shipping", as: moderator, form: "shipping=express"},
		{route: "GET /checkout/payment", as: moderator, query: "declined=1"},
		{route: "POST /checkout/payment", as: moderator, form: "payment=test-declined"},
		{route: "GET /checkout/review", as: moderator},
		{route: "POST /checkout/review", as: moderator, form: "key=ABCDEFGHIJKLMNOPQRSTUVWXY2&summary=x"},
		{route: "GET /orders", as: customer, query: "page=1"},
		{route: "GET /orders/:id", as: customer, query: "placed=1"},
		{route: "POST /orders/:id/cancel", as: customer},
		{route: "POST /orders/:id/return", as: customer},
		{route: "POST /orders/:id/reorder", as: customer},
		{route: "GET /merchant", as: administrator, query: "status=placed&q=ABCD-EFGH&after=1~ABCDEFGHIJKLMNOPQRSTUVWXY2&before=1~ABCDEFGHIJKLMNOPQRSTUVWXY2"},
		{route: "GET /merchant/orders/:id", as: administrator},
		{route: "POST /merchant/orders/:id/move-on", as: administrator, form: "from=placed"},
		{route: "POST /merchant/orders/:id/refund", as: administrator, form: "from=placed"},
		{route: "GET /merchant/products", as: administrator, query: "q=brass&page=1"},
		{route: "GET /merchant/products/:slug", as: administrator},
		{route: "POST /merchant/products/:slug", as: administrator, form: "price=94.50&stock=12&had=0+0"},
		{route: "GET /api/v1/products", query: "query=brass&limit=5"},
		{route: "GET /api/v1/products/:slug"},
		{route: "GET /api/v1/purchases", as: client, query: "product=brass-lever-handle&sub=demo-alice"},
	}, joined...), shared...),

	"forum": append(append([]endpoint{
		{route: "GET /", as: customer, query: "sort=votes&page=1"},
		{route: "GET /b/:board", as: customer, query: "sort=unanswered&page=1"},
		{route: "GET /search", as: customer, query: "q=door&product=brass-lever-handle&sort=newest&page=1&board={board}"},
		{route: "GET /t/:thread", as: customer, query: "sort=votes&page=1&quote=none"},
		{route: "GET /posts/:post", as: customer},
		{route: "GET /mine", as: customer, query: "page=1"},
		{route: "GET /following", as: customer, query: "page=1"},
		{route: "GET /u/:person", as: customer, query: "page=1"},
		{route: "GET /people", as: customer, query: "q=al"},
		{route: "GET /inbox", as: customer, query: "page=1"},
		{route: "POST /inbox/read", as: customer},
		{route: "GET /inbox/read", as: customer},
		{route: "GET /images/new", as: customer},
		{route: "POST /images/new", as: customer, form: "description=A+hinge"},
		{route: "GET /images/:image", as: customer},
		{route: "GET /new", as: customer, query: "board={board}&product=brass-lever-handle"},
		{route: "POST /new", as: customer, form: thread},
		{route: "POST /new/preview", as: customer, form: thread},
		{route: "GET /new/preview", as: customer},
		{route: "POST /t/:thread/reply", as: customer, form: "body=Like+this.&key=ABCDEFGHIJKLMNOPQRSTUVWXY3"},
		{route: "POST /t/:thread/preview", as: customer, form: "body=Like+this.&key=ABCDEFGHIJKLMNOPQRSTUVWXY3"},
		{route: "GET /t/:thread/reply", as: customer},
		{route: "POST /t/:thread/follow", as: customer, form: "follow=1"},
		{route: "GET /t/:thread/follow", as: customer},
		{route: "GET /t/:thread/preview", as: customer},
		{route: "GET /posts/:post/edit", as: customer},
		{route: "POST /posts/:post/edit", as: customer, form: "title=A+question+about+locks&body=Like+that.&version=1"},
		{route: "POST /posts/:post/edit/preview", as: customer, form: "title=A+question+about+locks&body=Like+that.&version=1"},
		{route: "GET /posts/:post/edit/preview", as: customer},
		{route: "POST /posts/:post/vote", as: moderator, form: "value=1"},
		{route: "GET /posts/:post/vote", as: customer},
		{route: "GET /posts/:post/delete", as: customer},
		{route: "POST /posts/:post/delete", as: moderator}, // it is another's, and stays
		{route: "POST /posts/:post/undelete", as: moderator},
		{route: "GET /posts/:post/undelete", as: customer},
		{route: "POST /posts/:post/accept", as: customer, form: "accept=1"},
		{route: "GET /posts/:post/accept", as: customer},
		{route: "GET /posts/:post/report", as: moderator},
		{route: "POST /posts/:post/report", as: moderator, form: "reason=An+advertisement"},
		{route: "GET /moderation/reports", as: moderator, query: "page=1"},
		{route: "GET /moderation", as: moderator, query: "page=1"},
		{route: "POST /posts/:post/moderate", as: moderator, form: "action=pin&reason=useful&from=reports"},
		{route: "GET /posts/:post/moderate", as: moderator},
		{route: "GET /api/v1/topics/:topic", as: client},
		{route: "PUT /api/v1/topics/:topic", as: client},
	}, joined...), shared...),

	"analytics": append(append([]endpoint{
		{route: "GET /", as: analyst, query: period},
		{route: "GET /export/:file", as: analyst, query: period},
		{route: "GET /events/:panel", as: analyst, query: "from=2026-11-20T10:00&to=2026-11-20T11:00&app=shop&before=1700000000000-e1&after=1-e1"},
		{route: "GET /funnel", as: analyst, query: period},
		{route: "GET /retention", as: analyst},
		{route: "GET /skipped", as: analyst, query: "page=1&before=1"},
		{route: "POST /views", as: analyst, form: "name=Mornings&query=range%3D24h%26app%3Dshop"},
		{route: "GET /views", as: analyst},
		{route: "POST /views/delete", as: analyst, form: "name=Mornings"},
		{route: "POST /access", as: analyst, form: "reason=Reports"}, // who has access already
		{route: "GET /access", as: administrator, query: "page=1"},
		{route: "POST /access/close", as: administrator, form: "subject=demo-carol"},
		{route: "GET /api/v1/metrics", as: client, query: "limit=5"},
		{route: "GET /api/v1/metrics/:metric", as: client, query: period + "&step=1d&limit=5"},
		{route: "GET /api/v1/best-sellers", as: client, query: period + "&limit=5"},
	}, joined...), shared...),

	"academy": append(append([]endpoint{
		{route: "GET /", as: customer},
		{route: "GET /lessons/:lesson", as: customer},
		{route: "GET /lessons/:lesson/present", as: customer, query: "slide=2"},
		{route: "POST /lessons/:lesson/answers/:question", as: customer, form: "question=the-question&option=0"},
		{route: "GET /lessons/:lesson/answers/:question", as: customer},
		{route: "POST /lessons/:lesson/done", as: customer, form: "done=yes"},
		{route: "GET /lessons/:lesson/done", as: customer},
		{route: "GET /lessons/:lesson/discuss", as: customer},
		{route: "GET /finish", as: customer},
		{route: "GET /experiments", as: customer, query: "page=1"},
		{route: "GET /experiments/:experiment", as: customer, query: "mode=free&branches=3"},
		{route: "POST /experiments/:experiment/runs", as: customer, form: "key=ABCDEFGHIJKLMNOPQRSTUVWXY2&mode=free&set.branches=3&end="},
		{route: "GET /experiments/:experiment/runs", as: customer},
		{route: "GET /runs/:run", as: customer, query: "since=0"},
		{route: "GET /runs/:run/live", as: customer, query: "seen=0&n=0&have="},
		{route: "GET /runs/:run/timeline.json", as: customer},
		{route: "GET /runs/:run/timeline.csv", as: customer},
		{route: "POST /runs/:run/do", as: customer, form: "key=ABCDEFGHIJKLMNOPQRSTUVWXY2&seen=0&n=0&control=ask&arg.times=1&arg.server=branch-1"},
		{route: "POST /runs/:run/step", as: customer, form: "key=ABCDEFGHIJKLMNOPQRSTUVWXY2&seen=0&step=none&guess=0"},
		{route: "POST /runs/:run/end", as: moderator, form: "return_to=/experiments"}, // it is another's, and stays
		{route: "POST /runs/:run/again", as: moderator, form: "key=ABCDEFGHIJKLMNOPQRSTUVWXY2&from=start"},
		{route: "GET /runs/:run/do", as: customer},
		{route: "GET /runs/:run/step", as: customer},
		{route: "GET /runs/:run/end", as: customer},
		{route: "GET /runs/:run/again", as: customer},
		{route: "GET /seen", as: customer, query: "just=1"},
		{route: "GET /estate", as: administrator},
		{route: "GET /estate/live", as: administrator, query: "have=abc"},
		// Each of these is refused: what is tried here must not change the estate under the other tests.
		{route: "POST /estate/kill", as: administrator, form: "replica=shop-1&pid=1&confirmed=yes"},
		{route: "POST /estate/add", as: administrator, form: "replica=shop-1&confirmed=yes"},
		{route: "POST /estate/remove", as: administrator, form: "replica=academy-1&confirmed=yes"},
		{route: "POST /estate/policy", as: administrator, form: "service=shop&policy=round-robin"},
		{route: "GET /estate/kill", as: administrator},
		{route: "GET /estate/add", as: administrator},
		{route: "GET /estate/remove", as: administrator},
		{route: "GET /estate/policy", as: administrator},
		{route: "GET /rooms", as: moderator},
		{route: "POST /rooms", as: moderator, form: "title=Monday&key=abcdefghijklmnop"},
		{route: "GET /rooms/:room", as: moderator, query: "page=1&names=hidden"},
		{route: "POST /rooms/:room/close", as: customer}, // another's, and stays open
		{route: "GET /rooms/:room/close", as: moderator},
		{route: "POST /rooms/:room/leave", as: customer, form: "learner=nobody"},
		{route: "GET /rooms/:room/leave", as: moderator},
		{route: "GET /join", as: customer, query: "code=ABC234"},
		{route: "GET /join/:code", as: customer},
		{route: "POST /join/:code", as: customer, form: "from=room"},
	}, joined...), shared...),
}

// programs are the endpoints of which programs read the errors: they are told in JSON.
var programs = []string{
	"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/userinfo", "/oauth/jwks", "/.well-known/", "/api/",
}

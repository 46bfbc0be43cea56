//go:build unix

package hostile_test

// console are the endpoints of the administrators' console.
var console = []endpoint{
	{route: "GET /admin", as: administrator},
}

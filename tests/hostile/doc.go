// Package hostile sends invalid requests to every route of a running estate: each parameter of each endpoint missing,
// repeated, empty, very long, not UTF-8, HTML, SQL, another type; invalid forms, methods, cookies and headers.
// endpoints_test.go lists the endpoints; a route that is not on the list fails the test, so that no new one remains
// untested.
//
// Every response must fulfil what checks_test.go says: no 500, no unescaped input, no redirect to other sites, safe
// cookies and headers, errors in the format that the client reads, and no secret in any log.
package hostile

// Package hostile sends what nobody should send to every route of a running estate: each parameter of each endpoint
// missing, doubled, empty, enormous, not UTF-8, HTML, SQL, another type; broken forms, methods, cookies and headers.
// endpoints_test.go lists the endpoints; a route that is not on the list fails the test, so that no new one goes untried.
//
// Whatever is sent, an answer keeps what checks_test.go says: no 500, nothing reflected raw, no redirect to strangers,
// safe cookies and headers, errors in the form that the caller reads, and no secret in any log.
package hostile

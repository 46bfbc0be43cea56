//go:build unix

// Command revocation measures how long it takes until every server enforces a ban, and what that costs:
//
//	go run ./tests/bench/revocation [-servers 50,500] [-bans 100] [-rate 400] [-picture FILE]
//
//	portal (portal.go)                       servers (servers.go), each with
//	  real records in SQLite, keys, tokens,    a mirror with a Redis client of its own,
//	  denylist and endings  ── ban ──▶ Redis ──▶ a listener, and sso/rp's check of bearer tokens
//	                                           ▲
//	traffic (traffic.go) ── valid tokens ──────┘ of the user who will be banned and of other users
//
// Everything but redis-server is in this one process and shares the machine's cores: the measured time includes the
// work of all servers one after another, unlike in an installation where each has cores of its own.
//
// A ban is timed as in the portal (bans.go): from the write to Redis until each server's confirmation, by Redis's time.
// As soon as the portal says "done", every server gets one request with a token of the banned user, and traffic goes
// on: a response of 200 to a request sent after that is a failure, as is the refusal of another user. Then the program
// exits with 1. A 503 is neither: on a machine that is too busy a server may not hear from Redis for a second.
//
// It also measures what one check costs with a million entries, and how long a new server takes to load them
// (million.go). It prints Markdown and draws a picture (picture.go).
package main

//go:build unix

// Command revocation measures how long a ban takes to be true on every server, and what it costs:
//
//	go run ./tests/bench/revocation [-servers 50,500] [-bans 100] [-rate 400] [-picture FILE]
//
//	portal (portal.go)                       servers (servers.go), each with
//	  real records in SQLite, keys, tokens,    a mirror with a Redis client of its own,
//	  denylist and endings  ── ban ──▶ Redis ──▶ a listener, and sso/rp's check of bearer tokens
//	                                           ▲
//	traffic (traffic.go) ── valid tokens ──────┘ of the person who will be banned and of innocent people
//
// Everything but redis-server is in this one process, and everything shares the machine's cores: what is
// measured is the work of all servers one after another, as it would not be where each has a core of its own.
//
// A ban counts as the portal counts it (bans.go): from the write to Redis until each server's confirmation, by
// Redis's clock. As soon as the portal says "done", every server is asked once with a token of the banned person, and
// traffic goes on: an answer 200 to what was sent after that is a failure, as is a refusal of anybody else. Then the
// program ends with 1. A 503 is neither: on a machine that is too busy a server may not hear from Redis for a second.
//
// It also measures what one check costs with a million entries, and how long a new server takes to load them
// (million.go). It prints Markdown and draws a picture (picture.go).
package main

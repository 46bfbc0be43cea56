// Command bench measures what Gatehouse costs, and prints one Markdown table of one run:
//
//	go run ./tests/bench [-rounds 7] [-for 2s] [-only REGEXP] [-o FILE] [-binary FILE]
//
//	core 0: the server that is measured      core 1: the load (this program) and redis-server
//	┌───────────────────────────────┐        ┌──────────────────────────────────────────┐
//	│ bare Echo, Echo with one GET, │◀──────▶│ load.go: connections that ask again as   │
//	│ Echo with sso (this program   │        │ soon as they are answered                │
//	│ again, serve.go), or a real   │        │ process.go: CPU time and memory of the   │
//	│ replica of a service          │        │ server, as the kernel counts them        │
//	└───────────────────────────────┘        └──────────────────────────────────────────┘
//
// Everything that is compared is measured in turns, round by round, so that what else the machine does
// falls on all of it alike; the medians of the rounds are shown. CPU is user and system time of the server's
// process divided by the requests that it answered. It asserts nothing: numbers are for people to judge.
//
// It needs Linux (it binds processes to cores and reads /proc), redis-server, and a minute or five.
package main

// Command bench measures what Gatehouse costs, and prints one Markdown table of one run:
//
//	go run ./tests/bench [-rounds 7] [-for 2s] [-only REGEXP] [-o FILE] [-binary FILE]
//
//	core 0: the server that is measured      core 1: the load (this program) and redis-server
//	┌───────────────────────────────┐        ┌──────────────────────────────────────────┐
//	│ bare Echo, Echo with one GET, │◀──────▶│ load.go: connections that send the next  │
//	│ Echo with sso (this program   │        │ request after each response              │
//	│ again, serve.go), or a real   │        │ process.go: CPU time and memory of the   │
//	│ replica of a service          │        │ server, as the kernel counts them        │
//	└───────────────────────────────┘        └──────────────────────────────────────────┘
//
// Measures that are compared alternate in each round, so that other load on the machine affects them alike; the table
// shows the medians of the rounds. CPU is user and system time of the server's process divided by the requests that it
// answered. The program asserts nothing.
//
// It needs Linux (it binds processes to cores and reads /proc), redis-server, and one to five minutes.
package main

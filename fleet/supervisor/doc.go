// Package supervisor runs replicas as processes: it starts them, waits until they say that they are
// ready, puts them into the load balancer's pool, restarts those that die, and stops all of them cleanly.
//
//	waiting ──▶ starting ──ready line──▶ ready ──exit──▶ waiting (backoff) ──▶ …
//	               │ deadline, exit          │ Stop, Remove, Restart
//	               └──▶ waiting              └──▶ stopping: out of the pool, SIGTERM, grace, SIGKILL ──▶ stopped
//
// A replica is told about its supervisor by package fleet (two inherited pipes), and is in a process
// group of its own, so that Ctrl-C in the terminal reaches the supervisor alone, which then stops the replicas in
// order. It needs a Unix-like system.
package supervisor

// Package supervisor runs replicas as processes: it starts them, waits until they report that they are ready, adds them
// to the load balancer's pool, restarts those that exit, and stops all of them gracefully.
//
//	waiting ──▶ starting ──ready line──▶ ready ──exit──▶ waiting (backoff) ──▶ …
//	               │ deadline, exit          │ Stop, Remove, Restart
//	               └──▶ waiting              └──▶ stopping: out of the pool, SIGTERM, grace, SIGKILL ──▶ stopped
//
// A replica communicates with its supervisor through package fleet (two inherited pipes). It has a process group of its
// own, so that Ctrl-C in the terminal reaches only the supervisor, which then stops the replicas in order. The package
// needs a Unix-like system.
package supervisor

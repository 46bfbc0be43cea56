// Package fleet connects a replica (one process of one service) with its supervisor: it reports that the replica is
// ready, and detects that the supervisor has died.
//
//	                 ┌────────────── gatehouse up ──────────────┐
//	browser ──HTTP──▶│ balancer ──▶ pools by host name          │
//	                 │    ▲ Add/Remove                          │
//	                 │ supervisor ── starts, watches, restarts  │
//	                 └────┬───────────────┬──────────────────┬──┘
//	     fd 3: {"addr":…} ▲     fd 4: EOF ▼ when "up" died   │
//	                  portal-1         shop-1, shop-2 …      └ embedded Redis
//
// The other side is in sub-packages, so that a replica links none of it: balancer (the load balancer), supervisor
// (replicas as processes) and embedded (a Redis inside the process).
package fleet

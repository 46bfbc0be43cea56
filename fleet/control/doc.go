// Package control lets a service of the estate see and change the estate's replicas: kill, add or remove one, or choose
// how requests are balanced. It consists of a small HTTP API that `gatehouse up` serves on the loopback address to
// clients with its secret, and the client of it.
//
//	academy replica ──Client──▶ Control ─┬─▶ supervisor (processes)
//	                 secret              ├─▶ balancer (policies, counts)
//	                                     └─▶ log: who did what, with which result
//
// Control decides what is allowed: never to remove the last replica of a service, never to exceed the maximum. It
// refuses with a Refusal, a message for the user. The service authenticates and authorizes the user.
package control

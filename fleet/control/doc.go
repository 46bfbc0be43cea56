// Package control lets a service of the estate look at the estate's replicas and change them: kill one, add one, remove
// one, choose how requests are balanced. It is a small HTTP API that `gatehouse up` serves on the loopback address, for
// whoever holds its secret, and the client of it.
//
//	academy replica ──Client──▶ Control ─┬─▶ supervisor (processes)
//	                 secret              ├─▶ balancer (policies, counts)
//	                                     └─▶ log: who did what, and what became of it
//
// Control decides what may be done: never the last replica of a service, never more than the maximum. What it refuses it
// refuses with a sentence for the person, a Refusal. Who that person is, and whether they may, is for the service to say.
package control

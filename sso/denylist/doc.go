// Package denylist keeps the revoked users, sign-ins and tokens. Every replica of every service learns of a revocation
// within milliseconds, checks it in memory, and confirms that it knows it.
//
//	portal ── Write ──▶ Redis:  set  (the revocations in force, for replicas that start)
//	                            log  (the same, in order, for replicas that run)
//	                     ▲ │
//	        confirm (3)  │ │ read from a position (1)
//	                     │ ▼
//	replica ── Mirror: a table in memory (2) ◀── Check, in every request
//
//	portal ◀─ Await: confirmed by N of N, the slowest in … ms, those missing
//
// Positions are consecutive numbers, so that a mirror detects a gap and loses no entry: a replica that is behind the
// trimmed log loads the set again. A check is a lookup in memory, without a lock, an allocation or a round trip.
//
// A mirror keeps the age of its data: the time when it sent the last read that Redis answered. When that is longer ago
// than Options.Bound it refuses with [ErrStale], so that a replica that has not confirmed an entry can accept what it
// denies for at most that long after the write.
//
// An epoch in Redis marks the set as complete. A Redis that was restarted empty has none; then every mirror refuses
// until the portal has rebuilt the set from its database ([Log.Rebuild]).
package denylist

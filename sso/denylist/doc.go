// Package denylist is the denylist: what was ended before its time, known to every
// replica of every service within milliseconds, from memory, and provably.
//
//	portal ── Write ──▶ Redis:  set  (what is denied, for whoever starts)
//	                            log  (the same, in order, for whoever runs)
//	                     ▲ │
//	        confirm (3)  │ │ read from a position (1)
//	                     │ ▼
//	replica ── Mirror: a table in memory (2) ◀── Check, in every request
//
//	portal ◀─ Await: confirmed by N of N, the slowest in … ms, who is missing
//
// Positions are contiguous numbers, so that a gap is seen and no message can be
// lost unnoticed: a replica that fell behind the trimmed log loads the set again.
// A check is a lookup in memory, without a lock, an allocation or a round trip.
//
// A mirror knows how old its knowledge is: the time when it sent the last read that
// Redis answered. When that is longer ago than Options.Bound it refuses instead of
// guessing ([ErrStale]), so whoever could not confirm can be wrong for at most that
// long after the write.
//
// An epoch in Redis says that the set is complete. A Redis that was restarted empty
// has none; then every mirror refuses until the portal has rebuilt the set from its
// database ([Log.Rebuild]).
package denylist

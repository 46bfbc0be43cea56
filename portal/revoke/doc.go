// Package revoke revokes sign-ins and tokens, so that "signed out" is true when it is shown:
//
//	Revoke ─▶ one transaction: the outbox (table revocations) has what the denylist must hold
//	              │
//	              ▼
//	        publisher ─▶ denylist in Redis ─┬─▶ every replica confirms (at most a second)
//	              ▲                         ├─▶ sign-ins end in the database, in batches, and the portal's own sessions
//	              │                         └─▶ clients are notified by back channel (bounded)
//	        Sync: whatever is pending             └─▶ receipt
//
// The database is authoritative. Run, on every replica, completes what failed after the transaction; it is then
// late, but not lost:
//
//	replica killed before it published     → any replica publishes what is pending, and writes the receipt
//	replica killed before all sign-ins of a user had ended → any replica continues; all of them are denied already
//	Redis unavailable                      → it is published when Redis is available again
//	Redis restarted empty (no epoch)       → the set is rebuilt before any session is accepted
//	Redis behind (a failover lost writes)  → the lost entries are written again
//
// Writing an entry twice is harmless, so replicas need no coordination.
package revoke

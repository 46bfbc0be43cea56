// Package events carries facts from the services to whoever counts them.
//
// A service writes an event into its own table event_outbox, in the transaction
// that makes the fact true, so that neither is ever there without the other:
//
//	handler → transaction { the order, its event } → commit
//	Relay   → outbox rows → XADD to the stream → rows deleted
//	Consumer (group) → handle → XACK
//
// A crash between two steps repeats a step and loses nothing. Every event has an
// id; whoever handles events must let a second one with the same id change nothing.
package events

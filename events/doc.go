// Package events carries events from the services to their consumers.
//
// A service writes an event into its own table event_outbox, in the transaction that makes the change, so that either
// both are stored or neither is:
//
//	handler → transaction { the order, its event } → commit
//	Relay   → outbox rows → XADD to the stream → rows deleted
//	Consumer (group) → handle → XACK
//
// A crash between two steps repeats a step and loses nothing. Every event has an id; a consumer must ignore a second
// event with the same id.
package events

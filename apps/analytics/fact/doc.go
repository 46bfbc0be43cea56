// Package fact turns an event of the stream into what analytics counts, or says why it can't be counted.
//
//	events.Event → Of → Fact     counted
//	                  → Reject   kept apart, with its reason
//
// It is pure: no clock, no database. Whatever it lets through can be stored on either database, so that no single
// event can hold up the stream.
package fact

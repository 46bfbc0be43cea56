// Package fact converts events of the stream into the facts that analytics counts, or says why an event cannot be
// counted.
//
//	events.Event → FromEvent → Fact     counted
//	                         → Reject   stored separately, with its reason
//
// It uses neither a clock nor a database. Every Fact and Rejected can be stored in both SQLite and PostgreSQL, so that
// no single event can block the stream.
package fact

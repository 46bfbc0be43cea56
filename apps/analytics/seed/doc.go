// Package seed invents thirty days of history, so that a demonstration's first look at analytics is not empty.
//
// Visits come by the hour with the rhythm of a day and a week and a little growth; each visit signs in, opens apps, and now and
// then buys, writes, votes or signs out. The same end gives the same history, event by event. Everything goes through
// [fact.Of], like real events.
package seed

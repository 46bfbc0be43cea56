// Package seed generates thirty days of history, so that the dashboard of a demonstration is not empty at first.
//
// The number of visits per hour follows the hour of the day and the day of the week and grows slowly. In each visit a
// user signs in, opens apps, and sometimes orders, posts, votes or signs out. The same end time gives the same events.
// All of them pass through [fact.FromEvent], like real events.
package seed

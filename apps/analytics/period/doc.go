// Package period defines the period that a query covers and how it is divided into buckets.
//
// All times are in UTC: buckets of one step then have the same length, also on the two days a year when a local day has
// 23 or 25 hours, and analysts in different time zones see the same figures.
//
//	"24h" or from–to → Parse → Period{From, To, Step} → Buckets, Previous
package period

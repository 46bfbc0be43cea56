// Package period decides which stretch of time is looked at and how it is cut into buckets.
//
// Everything is in UTC, on purpose: a bucket is then always as long as its neighbours, also on the two days a year
// when a local day has 23 or 25 hours, and two analysts in different places see the same figures.
//
//	"24h" or from–to → Parse → Period{From, To, Step} → Buckets, Previous
package period

// Package analytics is the app that counts what happens in the estate and shows it to analysts and admins.
//
//	Redis stream ─ events.Consumer ─ consume.go ─ fact.Of ─ store.Add (one transaction) ─ acknowledged
//	                                                        │
//	browser ─ dashboard.go: period, app ─ load.go ─ store ──┴─ panels (a file each) ─ chart + table ─ page, fragment or CSV
//
// Each panel says what it shows once; its chart, its table and its CSV are made from the same figures.
package analytics

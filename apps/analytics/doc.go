// Package analytics is the app that counts the events of all apps and shows the figures to analysts and admins.
//
//	Redis stream ─ events.Consumer ─ consume.go ─ fact.FromEvent ─ store.Add (one transaction) ─ acknowledged
//	                                                        │
//	browser ─ dashboard.go: period, app ─ load.go ─ store ──┴─ panels (a file each) ─ chart + table ─ page, fragment, CSV
//
// Each panel is defined once; its chart, its table and its CSV are made from the same figures.
package analytics

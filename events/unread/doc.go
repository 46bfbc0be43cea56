// Package unread carries the number of a person's unread notifications from the app that has the inbox to the headers
// of all apps.
//
//	the Forum ── Set ──▶ Redis: a key per person ── Get ──▶ the header of a page, when it is loaded
//	                 └─▶ a channel (Pub/Sub) ────── Watch ─▶ open tabs (package signoutpush)
//
// The numbers are copies: what is lost with Redis is written again when the person opens the app that has the inbox.
// Without Redis, headers have no number.
package unread

// Package admin is the console of those who run the estate (role admin): people and their bans, receipts of what was
// ended, sign-ins, servers, the denylist, clients, keys, and the audit.
//
// Every page takes the role admin. Everything that changes something also takes a sign-in not older than fifteen
// minutes, and writes a row of the audit in the transaction of the change:
//
//	GET  page  → view                                       role admin
//	GET  form  → form  → sign in again if it is long ago    role admin, fresh sign-in with time left to fill the form
//	POST act   → act   → sign in again, then the form,      role admin, fresh sign-in
//	                     filled as it was typed
//	                   → transaction: change + audit → 303 to what came of it
package admin

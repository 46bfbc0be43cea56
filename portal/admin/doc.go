// Package admin serves the administrators' console (role admin): users and bans, receipts of revocations, sign-ins,
// replicas, the denylist, clients, keys, and the audit.
//
// Every page requires the role admin. Every action that changes something also requires a sign-in that is not older
// than fifteen minutes, and writes an audit row in the transaction of the change:
//
//	GET   page                                             role admin
//	GET   form    → sign in again if it is long ago        role admin, recent sign-in with time left to fill the form
//	POST  action  → sign in again, then the form,          role admin, recent sign-in
//	                filled as it was typed
//	              → transaction: change + audit → 303 to the result
package admin

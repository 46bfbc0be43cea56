// Package store keeps the portal's records in its database, and has nothing but SQL in it:
//
//	users.go                         accounts: registration, names, passwords, roles, deletion; bans
//	people_search.go search_index.go the list of people with its filters, and the words by which it finds them
//	sign_ins.go                      sign-ins and their sessions; lists of active and of ended ones
//	client_sign_ins.go               the apps that a sign-in opened, and the identity for their tokens
//	refresh_tokens.go keys.go        refresh tokens and their rotation; signing keys
//	end_sign_ins.go                  the transaction of a sign-out, a ban or a revoked token
//	revocations.go                   what the denylist must hold; the receipts: what became of each revocation
//	outbox.go                        logout notices to clients
//	clients.go audit.go counts.go    registered clients; the audit; figures of the console
//	query.go                         conditions, pages and their cursors, deletion of expired records
//
// Times are [time.Time] with millisecond precision, stored as Unix milliseconds. Lists are JSON arrays.
package store

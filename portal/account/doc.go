// Package account serves the portal's pages for users: sign-in, registration, sign-out, the home page, the profile
// and the list of sign-ins. A handler, its view and its page (.templ) are in files of the same name.
//
//	POST /sign-in ──> limits (ratelimit) ──> one hash, for any email (password) ──> session in Redis, new id
//	                                                                               └─> row and event, one transaction
//	             <── 303 to return_to, a local path <── cookies, after the transaction
//
// The session is started before the row is written. If the process crashes in between, no browser has received the
// session's id. If the row is refused, the session is ended and its cookie is not sent.
package account

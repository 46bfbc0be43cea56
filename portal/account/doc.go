// Package account is where people meet the portal: sign-in, registration, sign-out, the home page, their profile
// and the list of their sign-ins. A handler, its view and its page (.templ) stand side by side.
//
//	POST /sign-in ──> limits (attempts) ──> one hash, for whomever (password) ──> session in Redis, new id
//	                                                                              └─> row and event, one transaction
//	             <── 303 to return_to, a local path <── cookies, once all of it is there
//
// The session is started before the row: should the process die in between, nobody ever learned the session's
// id. Should the row be refused, the session is ended again and its cookie never sent.
package account

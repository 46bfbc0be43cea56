// Package session stores cookie sessions in Redis, so that any replica can serve any request. It wraps gorilla/sessions
// and redisstore v9 to close their gaps:
//
//   - redisstore accepts an unknown cookie value as a session id and stores it when
//     saved (session fixation): here an unknown id is a guest, and every sign-in
//     gets a new id.
//   - Redis never has an id: the key is its SHA-256, so that a dump of Redis gives
//     access to no session.
//   - redisstore saves with SET, which restores a session that was ended in the
//     meantime: here a save changes only an existing session (SET XX).
//   - The record is CBOR instead of gob, which would double the cost of a read.
//   - A session ends after some time without use (idle) and some time after its
//     start (absolute), whichever comes first (OWASP Session Management).
//   - The sessions of a sign-in (sid) and of a user (sub) are listed in Redis, so
//     that any replica can end them after a sign-out.
package session

// Package session keeps cookie sessions in Redis, so that any replica serves any
// request: gorilla/sessions over redisstore v9, wrapped for what those two leave
// open.
//
//   - redisstore takes an unknown cookie value for a session id and stores it when
//     saved (session fixation): here an unknown id is a guest, and every sign-in
//     gets a new id.
//   - Redis never sees an id: the key is its SHA-256, so that a dump of Redis opens
//     no session.
//   - redisstore saves with SET, which brings a session back that was ended in the
//     meantime: here a save changes only what is still there (SET XX).
//   - The record is CBOR rather than gob, which would double the cost of a read.
//   - A session ends after some time without use (idle) and some time after its
//     start (absolute), whichever comes first (OWASP Session Management).
//   - The sessions of a sign-in (sid) and of a person (sub) are listed in Redis, so
//     that whoever hears of a sign-out ends them for every replica.
package session

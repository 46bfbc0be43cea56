// Package store keeps what the forum knows: boards, threads, posts, votes and
// what moderators did. All of the forum's SQL is here, a file per table.
//
// A thread's opening post is its post number 1. Posts are numbered without gaps
// and never deleted (a removed one leaves its place), so a page of a thread is a
// range of numbers. Counters are kept beside what they count and changed in the
// same transaction, by the database, never by reading and writing back.
//
// There is no table of people: an author is the sub of the ID token and the name
// that it told when the post was written.
package store

// Package store reads and writes the forum's database: boards, threads, posts, votes and the moderation log. All of the
// forum's SQL is here, one file per table.
//
// A thread's opening post is its post number 1. Posts are numbered without gaps. A post that a moderator removed or its
// author deleted keeps its row and its number, so that a page of a thread is a range of numbers. Counters are stored
// next to the rows they count, and changed by an UPDATE in the same transaction, never by reading and writing back.
//
// Transactions lock an author's member row before a post, a post before its thread, and its thread before its
// notifications and its words (package fulltext).
//
// There is no users table: an author is the sub of the ID token, and the name that it had when the post was written.
package store

// Package store reads and writes the shop's database: products, carts, addresses, orders and reviews, in SQL that runs
// on SQLite and PostgreSQL.
//
// It guarantees four things. Stock never goes below zero: only an UPDATE that requires enough stock reduces it, in the
// transaction that writes the order. Sending the order form several times places one order: the form's key is unique
// per user. A cancelled order puts its products back once: in the transaction that marks it as cancelled. The count and
// the average of a product's reviews are right: the transaction that changes a review locks and updates them.
package store

// Package emails is the experiment with the index on the email column: a table of up to five million users, a look-up
// with and without the index, and the effect of emails in two spellings.
package emails

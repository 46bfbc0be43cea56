// Package sticky is the experiment about sticky sessions: they seem to work until the branch that a browser sticks to
// is gone.
package sticky

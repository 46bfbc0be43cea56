// Package endings shows that out means out: a house with replicas of the real portal
// and of an app, each with its own way to a real Redis that a test can cut, delay or
// throttle, and people who sign in, are banned and let in again. Its tests hold what
// each replica answers against who may get in.
package endings

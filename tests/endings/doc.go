// Package endings tests that a sign-out is enforced everywhere: an estate with replicas of the real portal and of an
// app, each with its own connection to a real Redis that a test can cut, delay or throttle, and users who sign in, are
// banned and unbanned. The tests compare the responses of each replica with those that the model allows.
package endings

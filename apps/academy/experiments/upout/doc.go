// Package upout is the experiment about vertical and horizontal scaling: a branch with a fixed capacity, a growing
// number of customers, and two ways to scale, both measured.
package upout

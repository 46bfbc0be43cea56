// Package notebook is the experiment about sessions in the memory of each branch: a round-robin balancer sends a
// browser to branches that do not have its session.
package notebook

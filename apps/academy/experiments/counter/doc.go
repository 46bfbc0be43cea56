// Package counter is what the experiments about the bank's counter share: a learner who signs in and asks "who are
// you?", and branches that are killed, added and restarted meanwhile. A tally counts what each branch really
// answered.
package counter

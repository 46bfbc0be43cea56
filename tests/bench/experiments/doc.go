// Command experiments runs the guided paths of those experiments of the Academy that measure times, and prints what
// they measured here: how much more a bigger branch and more branches can serve, and how much faster an index makes a
// lookup.
//
//	go run ./tests/bench/experiments
package main

// Package class is a whole class in the Academy at once.
//
//	go test -count=1 -v ./tests/class     (make bench-class) prints what it measured
package class

// Package class tests a whole class that uses the Academy at once.
//
//	go test -count=1 -v ./tests/class     (make bench-class) prints the measured times
package class

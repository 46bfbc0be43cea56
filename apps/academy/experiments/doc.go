// Package experiments lists the Academy's experiments. Each is a package below it.
package experiments

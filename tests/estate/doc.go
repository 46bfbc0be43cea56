//go:build unix

// Package estate starts the real program, `gatehouse up`, for tests: built once, on a free port, with a data folder of
// its own, stopped when the test ends.
package estate

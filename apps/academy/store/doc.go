// Package store reads and writes the Academy's database: progress, answers, runs of experiments and rooms.
package store

// Package setting holds what the benchmarks share: a description of the machine, and a Redis client with the options of
// the services.
package setting

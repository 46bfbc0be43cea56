// Package faults breaks a running Gatehouse on purpose, under load: replicas are killed one after the other, Redis and
// PostgreSQL stop and start again, and `gatehouse up` is started wrongly and ended in every possible way. DESIGN.md's
// promises must hold: killing a replica loses nothing, no user is falsely signed out, and what was answered with
// success is still stored. No test asserts how long anything takes; deadlines only end a hanging test.
package faults

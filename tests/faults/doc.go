// Package faults breaks a running Gatehouse on purpose, under load: replicas are killed one after the other, Redis and
// PostgreSQL stop and start again, and `gatehouse up` is started wrongly and ended in every way there is. What must
// hold is in DESIGN.md's promises: killing a replica loses nothing, nobody is signed out falsely, and what was answered
// with success is still there. No test asserts how long anything takes; deadlines are only there to end a hanging test.
package faults

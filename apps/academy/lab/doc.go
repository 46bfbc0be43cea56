// Package lab runs the Academy's experiments. Each run is a process of its own, so
// that a crash hurts nothing else, memory has a ceiling, and what a learner breaks
// is theirs alone.
//
//	browser ── POST /runs/…/do ──▶ academy ── Client.Do ──▶ lab process
//	                                 │                        Serve: control API on loopback
//	                                 │                        Bench:  set-up, log, findings
//	        Manager: starts, limits, ends                     Apparatus: the experiment itself
//
// An [Experiment] says what there is to set, to press and to learn; its [Apparatus]
// is the thing itself, with real listeners, sessions and tokens. State is what the
// page shows of it, and crosses the process boundary as JSON.
package lab

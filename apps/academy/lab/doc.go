// Package lab runs the Academy's experiments. Each run is a process of its own, so that a crash affects nothing else,
// memory is limited, and a learner's changes affect only their own run.
//
//	browser ── POST /runs/…/do ──▶ academy ── Client.Do ──▶ lab process
//	                                 │                        Serve: control API on loopback
//	                                 │                        Bench:  setup, log, findings
//	        Manager: starts, limits, ends                     Apparatus: the experiment itself
//
// An [Experiment] describes the parameters, the controls and the guided path; its [Apparatus] is the running
// experiment, with real listeners, sessions and tokens. State is what the page shows of it, and crosses the process
// boundary as JSON.
package lab

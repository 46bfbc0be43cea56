// Package academy is the chapter on scaling authentication: lessons with questions, and experiments that run the
// project's own packages (sessions, tokens, revocation, balancer) on small systems of their own.
//
//	browser ──▶ lesson (chapter/, Markdown) ──▶ experiment page ──▶ lab process (lab/)
//	               │ answers, progress              │ runs              bank/, experiments/
//	               └──────────── store/ ────────────┘
//
// Anyone can read the lessons; answering questions and running experiments need a sign-in, the same as for all apps.
// academy.go has the route table. Each feature has a file with its handlers and a .templ file next to it.
package academy

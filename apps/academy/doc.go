// Package academy is the chapter on scaling authentication, as a place where one
// tries it: lessons with questions, and experiments that run the estate's own
// packages (sessions, tokens, revocation, balancer) on small estates of their own.
//
//	browser ──▶ lesson (chapter/, Markdown) ──▶ experiment page ──▶ lab process (lab/)
//	               │ answers, progress              │ runs              bank/, experiments/
//	               └──────────── store/ ────────────┘
//
// Anyone reads; answering and trying take a sign-in, which is the one for all apps.
// academy.go has the route table. Each feature has a file with its handlers and a
// .templ beside it.
package academy

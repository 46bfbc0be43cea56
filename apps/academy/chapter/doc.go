// Package chapter reads the Academy's lessons: Markdown files with front matter, in which directives stand for
// experiments, questions, call-outs and drawings, so that a teacher writes a lesson without touching Go.
// docs/teaching.md shows how.
//
//	NN-slug.md ──▶ front matter (front.go) ──▶ Lesson: slug, title, part, order, minutes
//	           └─▶ pieces (scan.go) ──▶ text between headings ──▶ HTML (markdown.go)
//	                              └──▶ directives (directive.go, question.go)
//
// All lessons are read and rendered once, at the start. A file with a fault is left out, and the fault says its file
// and line; the other files are still loaded.
package chapter

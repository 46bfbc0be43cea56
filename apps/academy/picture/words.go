package picture

import (
	"fmt"
	"strings"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// note returns a box's second line: its state, unless it is up, and its note.
func note(b box) string {
	var parts []string
	if b.State != lab.Up && b.State != "" {
		state := State(b.State)
		parts = append(parts, strings.ToUpper(state[:1])+state[1:])
	}
	if b.Note != "" && (len(parts) == 0 || !strings.EqualFold(b.Note, parts[0])) {
		parts = append(parts, b.Note)
	}
	return strings.Join(parts, " · ")
}

// describe returns a node's label and status.
func describe(n lab.Node) string { return n.Label + ": " + Status(n) }

// Status returns a node's state, note and counts as text.
func Status(n lab.Node) string {
	parts := []string{State(n.State)}
	if n.Note != "" && !strings.EqualFold(n.Note, parts[0]) {
		parts = append(parts, n.Note)
	}
	if n.Count > 0 {
		parts = append(parts, fmt.Sprintf("%d answered", n.Count))
	}
	if n.Took > 0 {
		parts = append(parts, fmt.Sprintf("after %d ms", n.Took/time.Millisecond))
	}
	return strings.Join(parts, ", ")
}

package chapter

import (
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// Limits of a question.
const (
	maxID      = 60
	maxOptions = 12
)

// question reads the parts that all kinds have in common, then calls read for those of its kind.
func (r *reader) question(p piece, kind string, read func(*reader, piece, *Question)) (Block, bool) {
	q := &Question{ID: p.attrs["id"], Kind: kind}
	before := len(r.faults)
	if !slugForm.MatchString(q.ID) || len(q.ID) > maxID {
		r.fault(p.line, "an id consists of small letters, digits and single hyphens, at most %d, like \"what-is-lost\"", maxID)
	} else if first, twice := r.ids[q.ID]; twice {
		r.fault(p.line, "the id %q is that of the question in line %d already", q.ID, first)
	} else {
		r.ids[q.ID] = p.line
	}
	read(r, p, q)
	return Block{Kind: Ask, Question: q}, len(r.faults) == before
}

// prompt renders the question's text; it adds a fault if there is none.
func (r *reader) prompt(p piece, lines []line) string {
	if strings.TrimSpace(joined(lines)) == "" {
		r.fault(p.line, "%s asks nothing: its first lines are the question", p.directive)
		return ""
	}
	return r.html(lines)
}

var (
	optionForm = regexp.MustCompile(`^[-*] \[([ xX])\][ \t]+(.*\S)[ \t]*$`)
	almost     = regexp.MustCompile(`^[-*][ \t]*\[[^\]]?\]`)
	numberForm = regexp.MustCompile(`^[0-9]{1,3}[.)][ \t]+(.*\S)[ \t]*$`)
)

// choice reads options, each with an optional indented explanation below it.
func (r *reader) choice(p piece, q *Question) {
	lines := p.lines
	start := firstLine(lines, func(t string) bool { return optionForm.MatchString(t) || almost.MatchString(t) })
	q.Prompt = r.prompt(p, lines[:start])
	right := 0
	var why []line
	flush := func() {
		if len(q.Options) > 0 && strings.TrimSpace(joined(why)) != "" {
			q.Options[len(q.Options)-1].Why = r.html(dedent(why))
		}
		why = nil
	}
	for _, l := range lines[start:] {
		m := optionForm.FindStringSubmatch(l.text)
		switch {
		case m != nil:
			flush()
			o := Option{HTML: r.inline(line{m[2], l.n}), Right: m[1] != " "}
			if o.Right {
				right++
			}
			q.Options = append(q.Options, o)
		case strings.TrimSpace(l.text) == "", len(q.Options) > 0 && (l.text[0] == ' ' || l.text[0] == '\t'):
			why = append(why, l)
		default:
			r.fault(l.n, "this is neither an option (\"- [ ] …\", the right one \"- [x] …\") nor indented below one, to say why")
			return
		}
	}
	flush()
	switch {
	case len(q.Options) < 2 || len(q.Options) > maxOptions:
		r.fault(p.line, "choice has %d options; it takes 2 to %d, written as \"- [ ] …\"", len(q.Options), maxOptions)
	case right == 0:
		r.fault(p.line, "choice has no right answer: mark it with [x]")
	case right == len(q.Options):
		r.fault(p.line, "choice has no wrong answer, so there is nothing to choose")
	case right > 1:
		q.Kind = Several
	}
}

// order reads a numbered list and, after a line ---, the optional explanation.
func (r *reader) order(p piece, q *Question) {
	lines, why, _ := cut(p.lines)
	start := firstLine(lines, numberForm.MatchString)
	q.Prompt = r.prompt(p, lines[:start])
	seen := map[string]bool{}
	for _, l := range lines[start:] {
		m := numberForm.FindStringSubmatch(l.text)
		switch {
		case m == nil && strings.TrimSpace(l.text) == "":
		case m == nil:
			r.fault(l.n, "this is not one of the numbered lines (\"1. …\"), each of which is one line; why it is so stands behind a line ---")
			return
		case seen[m[1]]:
			r.fault(l.n, "this line is there twice, so their order can't be told")
			return
		default:
			seen[m[1]] = true
			q.Lines = append(q.Lines, r.inline(line{m[1], l.n}))
		}
	}
	if len(q.Lines) < 3 || len(q.Lines) > maxOptions {
		r.fault(p.line, "order has %d numbered lines; it takes 3 to %d", len(q.Lines), maxOptions)
		return
	}
	if strings.TrimSpace(joined(why)) != "" {
		q.Why = r.html(why)
	}
	q.Shown = shuffled(r.file+"/"+q.ID, len(q.Lines))
}

// written reads a question to be answered in writing, and its model answer.
func (r *reader) written(p piece, q *Question) {
	ask, model, ok := cut(p.lines)
	q.Prompt = r.prompt(p, ask)
	if !ok || strings.TrimSpace(joined(model)) == "" {
		r.fault(p.line, "%s has no model answer: it stands behind a line ---", p.directive)
		return
	}
	q.Model = r.html(model)
}

// firstLine returns the index of the first line outside code blocks for which is reports true, or len(lines).
func firstLine(lines []line, is func(string) bool) int {
	var fenced code
	for i, l := range lines {
		if !fenced.next(l.text) && is(l.text) {
			return i
		}
	}
	return len(lines)
}

// cut splits lines at the first line ---.
func cut(lines []line) (before, after []line, ok bool) {
	i := firstLine(lines, func(t string) bool { return strings.TrimRight(t, " \t") == fence })
	if i == len(lines) {
		return lines, nil, false
	}
	return lines[:i], lines[i+1:], true
}

// dedent removes the common indentation.
func dedent(lines []line) []line {
	width := -1
	for _, l := range lines {
		if t := strings.TrimLeft(l.text, " \t"); t != "" && (width < 0 || len(l.text)-len(t) < width) {
			width = len(l.text) - len(t)
		}
	}
	out := make([]line, 0, len(lines))
	for _, l := range lines {
		if len(l.text) >= width {
			l.text = l.text[width:]
		} else {
			l.text = ""
		}
		out = append(out, l)
	}
	return out
}

// shuffled returns a permutation of the numbers below n that is not sorted and depends on seed alone, so that it is
// the same for every user and on every replica.
func shuffled(seed string, n int) []int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed)) // never fails
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	for {
		if p := rng.Perm(n); !slices.IsSorted(p) {
			return p
		}
	}
}

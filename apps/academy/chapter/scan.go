package chapter

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// line is a line of a file with its number.
type line struct {
	text string
	n    int // from 1
}

// reader parses one file and collects its faults.
type reader struct {
	file     string
	o        *Options
	faults   []Fault
	ids      map[string]int // of questions, with their lines
	headings headings
}

func (r *reader) fault(line int, format string, args ...any) {
	r.faults = append(r.faults, Fault{File: r.file, Line: line, What: fmt.Sprintf(format, args...)})
}

// split splits a file into lines; it returns nil and adds a fault if the file is not text.
func (r *reader) split(source []byte) []line {
	text := strings.TrimPrefix(string(source), "\uFEFF")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	var lines []line
	for i, t := range strings.Split(text, "\n") {
		if !utf8.ValidString(t) || strings.ContainsRune(t, 0) {
			r.fault(i+1, "this line is no UTF-8 text")
			return nil
		}
		lines = append(lines, line{t, i + 1})
	}
	return lines
}

// piece is a run of Markdown, or a directive with its lines.
type piece struct {
	directive string // "" for Markdown
	attrs     map[string]string
	line      int
	lines     []line
}

var (
	headForm  = regexp.MustCompile(`^ {0,3}##(?:[ \t]|$)`)
	codeFence = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})(.*)$")
)

// code tracks whether lines are inside a fenced code block.
type code struct{ open string }

// next advances by a line and reports whether it is code or a fence.
func (c *code) next(text string) bool {
	m := codeFence.FindStringSubmatch(text)
	switch {
	case c.open == "" && m != nil && (m[1][0] == '~' || !strings.Contains(m[2], "`")):
		c.open = m[1]
		return true
	case c.open == "":
		return false
	case m != nil && m[1][0] == c.open[0] && len(m[1]) >= len(c.open) && strings.TrimSpace(m[2]) == "":
		c.open = ""
	}
	return true
}

// pieces splits a lesson at its directives and its headings of level 2.
func (r *reader) pieces(lines []line) []piece {
	var out []piece
	var text piece
	flush := func() {
		if strings.TrimSpace(joined(text.lines)) != "" {
			out = append(out, text)
		}
		text = piece{}
	}
	var fenced code
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if !fenced.next(l.text) {
			switch {
			case isClose(l.text):
				r.fault(l.n, "this ::: closes nothing")
				continue
			case strings.HasPrefix(l.text, "::"):
				flush()
				var p piece
				p, i = r.directive(lines, i)
				if p.directive != "" {
					out = append(out, p)
				}
				continue
			case headForm.MatchString(l.text):
				flush()
			}
		}
		if len(text.lines) == 0 {
			text.line = l.n
		}
		text.lines = append(text.lines, l)
	}
	flush()
	if fenced.open != "" {
		r.fault(lines[len(lines)-1].n, "a block of code is still open at the end: its %s is missing", fenced.open)
	}
	return out
}

func isClose(text string) bool { return strings.TrimRight(text, " \t") == ":::" }

// directive reads the directive that begins at line i and returns it with the index of its last line. The directive's
// name is empty after a fault.
func (r *reader) directive(lines []line, i int) (piece, int) {
	first := lines[i]
	p := piece{line: first.n}
	name, attrs, err := parseHead(first.text)
	if err != nil {
		r.fault(first.n, "%s", err)
		return p, i + r.skip(lines[i:])
	}
	kind, ok := directives[name]
	colons := len(first.text) - len(strings.TrimLeft(first.text, ":"))
	switch {
	case !ok:
		r.fault(first.n, "there is no directive %q; there are %s", name, list(directiveNames))
		return p, i + r.skip(lines[i:])
	case colons > 3, colons == 2 && !kind.leaf:
		r.fault(first.n, "%s is a block: it begins with ::: and ends with a line :::", name)
		return p, i + r.skip(lines[i:])
	}
	p.attrs = attrs
	if kind.leaf {
		p.directive = name
		if colons == 3 { // a ::: may follow and close it
			next := i + 1
			for next < len(lines) && strings.TrimSpace(lines[next].text) == "" {
				next++
			}
			if next < len(lines) && isClose(lines[next].text) {
				i = next
			}
		}
		return p, i
	}
	var fenced code
	for j := i + 1; j < len(lines); j++ {
		l := lines[j]
		if !fenced.next(l.text) {
			if isClose(l.text) {
				p.directive = name
				return p, j
			}
			if strings.HasPrefix(l.text, "::") {
				r.fault(first.n, "%s is still open where line %d begins something new: its ::: is missing", name, l.n)
				return p, j - 1
			}
		}
		p.lines = append(p.lines, l)
	}
	r.fault(first.n, "%s is never closed: its ::: is missing", name)
	return p, len(lines) - 1
}

// skip returns the number of lines to skip after a directive that can't be read, so that its end does not cause a
// second fault.
func (r *reader) skip(lines []line) int {
	if !strings.HasPrefix(lines[0].text, ":::") {
		return 0
	}
	for i, l := range lines[1:] {
		if isClose(l.text) {
			return i + 1
		}
		if strings.HasPrefix(l.text, "::") {
			return i
		}
	}
	return 0
}

func joined(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}

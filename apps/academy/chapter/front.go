package chapter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// fence is the line before and after the front matter.
const fence = "---"

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Limits of the front matter's values.
const (
	maxSlug    = 60
	maxTitle   = 120
	maxSummary = 300
	maxOrder   = 100_000
	maxMinutes = 240
)

// front parses the front matter and returns the lines after it; none if the front matter has no end.
func (r *reader) front(lines []line) (*Lesson, []line) {
	l := &Lesson{file: r.file}
	if len(lines) == 0 || strings.TrimRight(lines[0].text, " \t") != fence {
		r.fault(1, "a lesson begins with its front matter: a line ---, then slug, title, summary, part, order and minutes, then a line ---")
		return l, nil
	}
	end := 1
	for end < len(lines) && strings.TrimRight(lines[end].text, " \t") != fence {
		end++
	}
	if end == len(lines) {
		r.fault(1, "the front matter has no end: a line --- is missing")
		return l, nil
	}
	values := r.yaml(lines[1:end])
	if values == nil {
		return l, lines[end+1:]
	}
	l.Slug, l.slugLine = r.slug(values)
	l.Title = r.text(values, "title", maxTitle)
	l.Summary = r.text(values, "summary", maxSummary)
	l.Part = r.text(values, "part", maxTitle)
	l.Order = r.number(values, "order", 0, maxOrder)
	l.Minutes = r.number(values, "minutes", 1, maxMinutes)
	return l, lines[end+1:]
}

// value is a value of the front matter.
type value struct {
	text string
	line int
}

var keys = []string{"slug", "title", "summary", "part", "order", "minutes"}

// yaml parses the lines as a YAML mapping; it returns nil and adds a fault if they are none.
func (r *reader) yaml(lines []line) map[string]value {
	before := len(r.faults)
	root := r.mapping(lines)
	values := map[string]value{}
	for _, pair := range root {
		at := 1 + pair.Key.GetToken().Position.Line // after the line ---
		key := pair.Key.GetToken().Value
		text, ok := scalar(pair.Value)
		switch {
		case !slices.Contains(keys, key):
			r.fault(at, "the front matter has no %q; it has %s", key, list(keys))
		case !ok:
			r.fault(at, "%s takes one value, not several", key)
		default:
			values[key] = value{text, at}
		}
	}
	for _, key := range keys {
		if _, ok := values[key]; !ok && len(r.faults) == before {
			r.fault(1, "the front matter lacks %s", key)
		}
	}
	if len(r.faults) > before {
		return nil
	}
	return values
}

func (r *reader) mapping(lines []line) []*ast.MappingValueNode {
	var source strings.Builder
	for _, l := range lines {
		source.WriteString(l.text + "\n")
	}
	file, err := parser.ParseBytes([]byte(source.String()), 0)
	if err != nil {
		at, what := 2, "it is no YAML"
		if fault := yaml.Error(nil); errors.As(err, &fault) {
			what = fault.GetMessage()
			if tok := fault.GetToken(); tok != nil {
				at = 1 + tok.Position.Line
			}
		}
		r.fault(at, "the front matter can't be read: %s", what)
		return nil
	}
	if len(file.Docs) == 1 {
		switch body := file.Docs[0].Body.(type) {
		case *ast.MappingNode:
			return body.Values
		case *ast.MappingValueNode:
			return []*ast.MappingValueNode{body}
		}
	}
	r.fault(2, "the front matter consists of lines like \"title: Sticky sessions\"")
	return nil
}

// scalar returns a value's text as it was written, and false if the value is not a scalar.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		return "", true
	}
	return "", false
}

func (r *reader) slug(values map[string]value) (string, int) {
	v := values["slug"]
	if !slugForm.MatchString(v.text) || len(v.text) > maxSlug {
		r.fault(v.line, "slug is part of an address: small letters, digits and single hyphens, at most %d, like \"sticky-sessions\"", maxSlug)
	}
	return v.text, v.line
}

func (r *reader) text(values map[string]value, key string, longest int) string {
	v := values[key]
	text := strings.Join(strings.Fields(v.text), " ")
	switch {
	case text == "":
		r.fault(v.line, "%s is empty", key)
	case utf8.RuneCountInString(text) > longest:
		r.fault(v.line, "%s is longer than %d characters", key, longest)
	}
	return text
}

func (r *reader) number(values map[string]value, key string, low, high int) int {
	v := values[key]
	n, err := strconv.Atoi(v.text)
	if err != nil || n < low || n > high {
		r.fault(v.line, "%s is a whole number from %d to %d, not %q", key, low, high, v.text)
		return low
	}
	return n
}

// list returns "a, b and c".
func list(names []string) string {
	switch n := len(names); n {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		return fmt.Sprintf("%s and %s", strings.Join(names[:n-1], ", "), names[n-1])
	}
}

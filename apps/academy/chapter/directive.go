package chapter

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// directive describes a kind of ::: directive.
type directive struct {
	leaf     bool // a single line, without an end
	attrs    []string
	required []string
	free     bool // accepts further attributes
	read     func(r *reader, p piece) (Block, bool)
}

var (
	directives     map[string]directive
	directiveNames []string
)

func init() {
	question := func(kind string, read func(r *reader, p piece, q *Question)) directive {
		return directive{attrs: []string{"id"}, required: []string{"id"}, read: func(r *reader, p piece) (Block, bool) {
			return r.question(p, kind, read)
		}}
	}
	callOut := directive{attrs: []string{"title"}, read: (*reader).callOut}
	directives = map[string]directive{
		Experiment: {leaf: true, attrs: []string{"name"}, required: []string{"name"}, free: true, read: (*reader).experiment},
		Diagram:    {leaf: true, attrs: []string{"name", "caption"}, required: []string{"name"}, read: (*reader).diagram},
		FAQ:        {attrs: []string{"title"}, required: []string{"title"}, read: (*reader).callOut},
		Note:       callOut, Warning: callOut, Real: callOut,
		Choice:    question(Choice, (*reader).choice),
		Order:     question(Order, (*reader).order),
		Exercise:  question(Exercise, (*reader).written),
		Interview: question(Interview, (*reader).written),
	}
	directiveNames = slices.Sorted(maps.Keys(directives))
}

var (
	headLine = regexp.MustCompile(`^:{2,}([A-Za-z][A-Za-z0-9_-]*)[ \t]*(.*)$`)
	attrForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*)="((?:[^"\\]|\\.)*)"(?:[ \t]+|$)`)
	unescape = regexp.MustCompile(`\\(.)`)
)

// parseHead parses a directive's first line: ::name{key="value" key="value"}.
func parseHead(text string) (name string, attrs map[string]string, err error) {
	m := headLine.FindStringSubmatch(text)
	if m == nil {
		return "", nil, errors.New(`a directive looks like :::note{title="Why"}, beginning with its name`)
	}
	name, rest := m[1], strings.TrimSpace(m[2])
	if rest == "" {
		return name, nil, nil
	}
	inner, ok := strings.CutPrefix(rest, "{")
	if inner, ok2 := strings.CutSuffix(inner, "}"); ok && ok2 {
		attrs = map[string]string{}
		inner = strings.TrimSpace(inner)
		for inner != "" {
			a := attrForm.FindStringSubmatch(inner)
			if a == nil {
				return "", nil, fmt.Errorf(`%s: what stands in the braces is key="value", with spaces between; %q is not`, name, inner)
			}
			if _, twice := attrs[a[1]]; twice {
				return "", nil, fmt.Errorf("%s: %s occurs twice", name, a[1])
			}
			attrs[a[1]] = unescape.ReplaceAllString(a[2], "$1")
			inner = inner[len(a[0]):]
		}
		return name, attrs, nil
	}
	return "", nil, fmt.Errorf(`%s: its attributes stand in braces, like {id="first-check"}`, name)
}

// block checks a directive's attributes and returns its Block, or false after a fault.
func (r *reader) block(p piece) (Block, bool) {
	d := directives[p.directive]
	before := len(r.faults)
	for _, key := range d.required {
		if strings.TrimSpace(p.attrs[key]) == "" {
			r.fault(p.line, "%s lacks its %s", p.directive, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.attrs)) {
		if !d.free && !slices.Contains(d.attrs, key) {
			r.fault(p.line, "%s has no %q; it has %s", p.directive, key, list(d.attrs))
		}
	}
	if len(r.faults) > before {
		return Block{}, false
	}
	return d.read(r, p)
}

func (r *reader) experiment(p piece) (Block, bool) {
	b := Block{Kind: Experiment, Name: p.attrs["name"]}
	for key, v := range p.attrs {
		if key == "name" {
			continue
		}
		if b.Setup == nil {
			b.Setup = map[string]string{}
		}
		b.Setup[key] = v
	}
	if r.o.Experiment != nil {
		if err := r.o.Experiment(b.Name, b.Setup); err != nil {
			r.fault(p.line, "experiment: %s", err)
			return b, false
		}
	}
	return b, true
}

func (r *reader) diagram(p piece) (Block, bool) {
	b := Block{Kind: Diagram, Name: p.attrs["name"], Caption: p.attrs["caption"]}
	if !slices.Contains(r.o.Diagrams, b.Name) {
		r.fault(p.line, "there is no diagram %q; there are %s", b.Name, list(r.o.Diagrams))
		return b, false
	}
	return b, true
}

// callOut reads a directive that is text in a frame.
func (r *reader) callOut(p piece) (Block, bool) {
	b := Block{Kind: p.directive, Title: p.attrs["title"]}
	if strings.TrimSpace(joined(p.lines)) == "" {
		r.fault(p.line, "%s is empty", p.directive)
		return b, false
	}
	b.HTML = r.html(p.lines)
	return b, true
}

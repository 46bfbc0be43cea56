package chapter

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// headings gives the headings of one lesson ids that are unique in the page: all of them
// begin alike, so that they are never those of other things in it.
type headings map[string]bool

// Generate is an id made of a heading's text.
func (h headings) Generate(value []byte, _ ast.NodeKind) []byte {
	id := "on"
	for _, word := range strings.FieldsFunc(strings.ToLower(string(value)), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}) {
		id += "-" + word
	}
	unique := id
	for n := 2; h[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", id, n)
	}
	h[unique] = true
	return []byte(unique)
}

// Put takes an id that is given otherwise, which lessons have no means for.
func (h headings) Put(value []byte) { h[string(value)] = true }

package chapter

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// headings generates IDs for the headings of one lesson. They are unique in the page: their common prefix keeps them
// apart from the IDs of other elements.
type headings map[string]bool

// Generate returns an ID made from a heading's text.
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

// Put records an ID that was set by other means, of which lessons have none. It is part of goldmark's parser.IDs.
func (h headings) Put(value []byte) { h[string(value)] = true }

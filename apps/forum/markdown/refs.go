package markdown

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxRefs is the number of references of each kind that [FindRefs] returns, and of images that are shown.
const maxRefs = 20

// Refs are the people, posts and images that a text refers to.
type Refs struct {
	Mentions []string // handles outside quotes
	Linked   []string // handles anywhere
	Quotes   []string // ids of the posts that quotes link to
	Images   []string // ids of uploaded images
}

var (
	handleForm = regexp.MustCompile(`^@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,48}[a-zA-Z0-9])?`)
	imageForm  = regexp.MustCompile(`^/images/([a-z0-9]{16})$`)
	quoteForm  = regexp.MustCompile(`^/posts/([a-z0-9-]{1,80})$`)
)

// Keys of the parser's context.
var (
	knownKey = parser.NewContextKey() // []string: the handles that become links
	foundKey = parser.NewContextKey() // *Refs: where handles are collected
)

// FindRefs returns what source refers to.
func FindRefs(source string) (r Refs) {
	pc := parser.NewContext()
	pc.Set(foundKey, &r)
	doc := engine.Parser().Parse(text.NewReader([]byte(source)), parser.WithContext(pc))
	// Walk returns an error only if this function does.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Image:
			if m := imageForm.FindSubmatch(n.Destination); entering && m != nil {
				r.Images = add(r.Images, string(m[1]))
			}
		case *ast.Link:
			if m := quoteForm.FindSubmatch(n.Destination); entering && m != nil && inside(n, ast.KindBlockquote) {
				r.Quotes = add(r.Quotes, string(m[1]))
			}
		}
		return ast.WalkContinue, nil
	})
	return r
}

func add(all []string, one string) []string {
	if len(all) >= maxRefs || slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// mention is a known person's handle in a text. The transformer replaces it: a link inside a link would be none.
type mention struct {
	ast.BaseInline
	handle string
}

var mentionKind = ast.NewNodeKind("Mention")

// Kind returns the kind of the node.
func (*mention) Kind() ast.NodeKind { return mentionKind }

// Dump prints the node for debugging.
func (m *mention) Dump(source []byte, level int) { ast.DumpHelper(m, source, level, nil, nil) }

// mentionParser parses "@handle" into a mention if the handle is known.
type mentionParser struct{}

// Trigger returns the first character of a mention.
func (mentionParser) Trigger() []byte { return []byte{'@'} }

// Parse returns a mention, or nil if this is none of a known person.
func (mentionParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	if c := block.PrecendingCharacter(); isWord(c) || c == '/' || c == '@' || c == '.' { // an address
		return nil
	}
	line, at := block.PeekLine()
	match := handleForm.Find(line)
	if match == nil {
		return nil
	}
	if rest := []rune(string(line[len(match):min(len(line), len(match)+4)])); len(rest) > 0 && isWord(rest[0]) {
		return nil
	}
	handle := strings.ToLower(string(match[1:]))
	if found, ok := pc.Get(foundKey).(*Refs); ok {
		found.Linked = add(found.Linked, handle)
		if !inside(parent, ast.KindBlockquote) && parent.Kind() != ast.KindBlockquote {
			found.Mentions = add(found.Mentions, handle)
		}
	}
	if known, _ := pc.Get(knownKey).([]string); !slices.Contains(known, handle) {
		return nil
	}
	m := &mention{handle: handle}
	m.AppendChild(m, ast.NewTextSegment(text.NewSegment(at.Start, at.Start+len(match))))
	block.Advance(len(match))
	return m
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// inside reports whether a node is below one of this kind.
func inside(n ast.Node, kind ast.NodeKind) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == kind {
			return true
		}
	}
	return false
}

package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Limits of the markup, so that rendering takes time proportional to the length of the text. Markup beyond them is
// shown as plain text.
const (
	maxNesting = 8     // levels of nested quotes and lists
	maxInline  = 1_000 // characters in one text that may open or close emphasis, links and code
	maxCells   = 2_000 // cells of a table: its columns times its lines
)

// boundedBlock is a block parser that opens no quote or list inside maxNesting others.
type boundedBlock struct{ parser.BlockParser }

// Open opens the block unless parent is nested too deeply.
func (b boundedBlock) Open(parent ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil; n = n.Parent() {
		if n.Kind() == ast.KindBlockquote || n.Kind() == ast.KindList {
			depth++
		}
	}
	if parent.Kind() != ast.KindList && depth >= maxNesting { // a list item continues its list and adds no level
		return nil, parser.NoChildren
	}
	return b.BlockParser.Open(parent, r, pc)
}

// inlineCount is the key, in the parser's context, of the number of inline delimiters parsed so far.
var inlineCount = parser.NewContextKey()

// boundedInline is an inline parser that parses at most maxInline delimiters of a text, because matching closers to
// openers takes quadratic time.
type boundedInline struct{ parser.InlineParser }

// Parse parses the delimiter unless maxInline others came before it.
func (b boundedInline) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	n, _ := pc.Get(inlineCount).(int)
	if n >= maxInline {
		return nil
	}
	pc.Set(inlineCount, n+1)
	return b.InlineParser.Parse(parent, block, pc)
}

// CloseBlock forwards the end of a block to parsers that keep state for it.
func (b boundedInline) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if closer, ok := b.InlineParser.(parser.CloseBlocker); ok {
		closer.CloseBlock(parent, block, pc)
	}
}

// boundedTable is a table parser that makes tables of at most maxCells cells. Every row gets as many cells as the first
// one, also if the text has fewer.
type boundedTable struct{ parser.ParagraphTransformer }

// Transform converts the paragraph to a table unless it could have too many cells.
func (b boundedTable) Transform(p *ast.Paragraph, r text.Reader, pc parser.Context) {
	columns, lines := 1, p.Lines() // columns is at most the number of bars of a line plus one
	for i := range lines.Len() {
		line := lines.At(i)
		columns = max(columns, bytes.Count(line.Value(r.Source()), []byte("|")))
	}
	if columns*lines.Len() <= maxCells {
		b.ParagraphTransformer.Transform(p, r, pc)
	}
}

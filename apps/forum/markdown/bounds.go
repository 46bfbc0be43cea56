package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// The bounds of what is read as markup, so that rendering costs a time in proportion to the text. What exceeds
// them is shown as it was typed.
const (
	maxNesting = 8     // quotes and lists within each other
	maxInline  = 1_000 // characters that may open or close emphasis, links and code, in one text
	maxCells   = 2_000 // of a table: its columns times its lines
)

// boundedBlock opens no quote or list inside of maxNesting others.
type boundedBlock struct{ parser.BlockParser }

// Open opens the block unless parent is nested too deeply.
func (b boundedBlock) Open(parent ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil; n = n.Parent() {
		if n.Kind() == ast.KindBlockquote || n.Kind() == ast.KindList {
			depth++
		}
	}
	if parent.Kind() != ast.KindList && depth >= maxNesting { // an item continues its list
		return nil, parser.NoChildren
	}
	return b.BlockParser.Open(parent, r, pc)
}

// inlineCount is how many inline delimiters were parsed so far, in the parser's context.
var inlineCount = parser.NewContextKey()

// boundedInline parses at most maxInline delimiters of a text, because matching openers with closers takes a time
// that grows with the square of their number.
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

// CloseBlock passes the end of a block on to parsers that keep a state for it.
func (b boundedInline) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if closer, ok := b.InlineParser.(parser.CloseBlocker); ok {
		closer.CloseBlock(parent, block, pc)
	}
}

// boundedTable makes tables of at most maxCells cells: each row gets as many cells as the first has, whether or not
// they were typed.
type boundedTable struct{ parser.ParagraphTransformer }

// Transform turns the paragraph into a table unless that could have too many cells.
func (b boundedTable) Transform(p *ast.Paragraph, r text.Reader, pc parser.Context) {
	columns, lines := 1, p.Lines() // at most one more than the bars of a line
	for i := range lines.Len() {
		line := lines.At(i)
		columns = max(columns, bytes.Count(line.Value(r.Source()), []byte("|")))
	}
	if columns*lines.Len() <= maxCells {
		b.ParagraphTransformer.Transform(p, r, pc)
	}
}

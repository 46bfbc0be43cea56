package chapter

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	render "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// engine renders CommonMark with tables and strike-through. Raw HTML is not supported and is shown as typed;
// goldmark's renderer drops addresses that run scripts. Only headings with # are supported: with underlined ones, a
// line --- would be ambiguous.
var engine = goldmark.New(
	goldmark.WithParser(parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(parser.WithAutoHeadingID()), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)),
	goldmark.WithRenderer(renderer.NewRenderer(renderer.WithNodeRenderers(util.Prioritized(render.NewRenderer(), 1000)))),
	goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		extension.Strikethrough,
	),
)

// Content that is wider than the page scrolls by itself, so the keyboard must reach it. Every tag in the rendered
// Markdown comes from the renderer.
var reachable = strings.NewReplacer(
	"<pre>", `<pre tabindex="0">`,
	"<table>", `<div class="lesson-table" tabindex="0" role="group" aria-label="Table"><table>`,
	"</table>", "</table></div>",
	"<th></th>", "<td></td>", // an empty corner heads nothing
)

// html renders lines as HTML.
func (r *reader) html(lines []line) string { return r.render(lines).HTML }

// inline renders one line as inline HTML, without a paragraph around it.
func (r *reader) inline(l line) string {
	html := strings.TrimSpace(r.html([]line{l}))
	if inner, ok := strings.CutPrefix(html, "<p>"); ok {
		if inner, ok := strings.CutSuffix(inner, "</p>"); ok && !strings.Contains(inner, "<p>") {
			return inner
		}
	}
	return html
}

// render renders lines as HTML, and returns them with the heading of level 2 that they begin with, if any.
func (r *reader) render(lines []line) Block {
	b := Block{Kind: Text}
	source := []byte(joined(lines))
	doc := engine.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(r.headings))))
	r.check(doc, source, lines)
	if h, ok := doc.FirstChild().(*ast.Heading); ok && h.Level == 2 {
		b.Heading, b.Bare = plain(h, source), doc.ChildCount() == 1
		if v, ok := h.AttributeString("id"); ok {
			b.ID = fmt.Sprintf("%s", v)
		}
	}
	var out bytes.Buffer
	if err := engine.Renderer().Render(&out, source, doc); err != nil {
		r.fault(lines[0].n, "this can't be rendered: %v", err)
	}
	b.HTML = reachable.Replace(out.String())
	return b
}

// check adds faults for elements that lessons do not support.
func (r *reader) check(doc ast.Node, source []byte, lines []line) {
	// The callback never returns an error.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level == 1 {
				r.fault(lineOf(n, source, lines), "headings begin at ##: the title of a lesson is in its front matter")
			}
		case *ast.Image:
			r.fault(lineOf(n, source, lines), "pictures can't be loaded here: use a diagram, or a link to the picture")
		case *ast.Link:
			if render.IsDangerousURL(n.Destination) {
				r.fault(lineOf(n, source, lines), "the address %q of this link would run a script", n.Destination)
			}
		}
		return ast.WalkContinue, nil
	})
}

// lineOf returns the line number of the block that contains a node.
func lineOf(n ast.Node, source []byte, lines []line) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines() != nil && n.Lines().Len() > 0 {
			at := bytes.Count(source[:n.Lines().At(0).Start], []byte{'\n'})
			return lines[min(at, len(lines)-1)].n
		}
	}
	return lines[0].n
}

// plain returns a node's text without markup.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(source))
		case *ast.String:
			b.Write(n.Value)
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}

// Package markdown turns what people write into HTML that is safe to show.
//
// goldmark parses it: CommonMark with tables, strike-through, bare links and line
// breaks where the writer made them. HTML is no part of this Markdown; it is shown
// as it was typed. Then bluemonday lets through only the elements that goldmark
// makes, fewer than its own policy for user-generated content: no images, since
// the Content-Security-Policy would not load them (they become links), no ids, no
// styles.
//
// Nesting, inline markup and tables are bounded (bounds.go), so that no text costs much
// more than its length.
//
// HTML is made when a page is read and kept in a [Cache] in memory, not stored: a
// stricter policy then holds for every old post from the moment it is deployed,
// and the Markdown is the only truth.
package markdown

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	render "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// rel is on every link: search engines shall not follow what users post (ugc),
// and the page that opens learns nothing of ours.
const rel = "nofollow ugc noopener"

// transformerPriority runs ours after goldmark's own transformers.
const transformerPriority = 500

var (
	engine = newEngine()
	policy = newPolicy()
	strip  = bluemonday.StrictPolicy()
)

func newEngine() goldmark.Markdown {
	p := parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(boundedBlock{parser.NewListParser()}, 300),
			util.Prioritized(boundedBlock{parser.NewListItemParser()}, 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(boundedBlock{parser.NewBlockquoteParser()}, 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		), // without the parser of HTML blocks
		parser.WithInlineParsers(
			util.Prioritized(boundedInline{parser.NewCodeSpanParser()}, 100),
			util.Prioritized(boundedInline{parser.NewLinkParser()}, 200),
			util.Prioritized(boundedInline{parser.NewAutoLinkParser()}, 300),
			util.Prioritized(boundedInline{parser.NewEmphasisParser()}, 500),
			util.Prioritized(boundedInline{extension.NewStrikethroughParser()}, 500),
		), // without the parser of raw HTML
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
			util.Prioritized(boundedTable{extension.NewTableParagraphTransformer()}, 200))...),
		parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0), util.Prioritized(forum{}, transformerPriority)),
	)
	r := renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(render.NewRenderer(render.WithHardWraps()), 1000),
		util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), 500),
		util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500)))
	return goldmark.New(goldmark.WithParser(p), goldmark.WithRenderer(r), goldmark.WithExtensions(extension.Linkify))
}

func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "em", "strong", "del",
		"ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("rel").Matching(regexp.MustCompile(`^` + rel + `$`)).OnElements("a")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|center|right)$`)).OnElements("th", "td")
	p.AllowURLSchemes("https", "http", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	return p
}

// HTML is source rendered and sanitised. It never fails: what goldmark cannot
// read is shown as plain text.
func HTML(source string) string {
	var out bytes.Buffer
	if err := engine.Convert([]byte(source), &out); err != nil {
		return "<p>" + html.EscapeString(source) + "</p>"
	}
	clean := policy.Sanitize(out.String())
	// A code block may scroll sideways, so the keyboard must reach it. All that
	// is a tag here came through the policy, which lets <pre> have no attribute.
	return strings.ReplaceAll(clean, "<pre>", `<pre tabindex="0">`)
}

var blocks = strings.NewReplacer("</p>", "</p> ", "<br>", " ", "<br/>", " ", "</li>", "</li> ", "</td>", "</td> ",
	"</th>", "</th> ", "</h3>", "</h3> ", "</h4>", "</h4> ", "</h5>", "</h5> ", "</h6>", "</h6> ", "</pre>", "</pre> ")

// Text is source without its markup, on one line.
func Text(source string) string {
	plain := html.UnescapeString(strip.Sanitize(blocks.Replace(HTML(source))))
	return strings.Join(strings.Fields(plain), " ")
}

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

// rel is set on every link, so that search engines do not follow users' links (ugc) and the opened page has no access
// to the forum's window.
const rel = "nofollow ugc noopener"

// transformerPriority runs the forum's transformer after those of goldmark.
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
		), // without the HTML block parser
		parser.WithInlineParsers(
			util.Prioritized(boundedInline{parser.NewCodeSpanParser()}, 100),
			util.Prioritized(boundedInline{parser.NewLinkParser()}, 200),
			util.Prioritized(boundedInline{parser.NewAutoLinkParser()}, 300),
			util.Prioritized(boundedInline{mentionParser{}}, 400),
			util.Prioritized(boundedInline{parser.NewEmphasisParser()}, 500),
			util.Prioritized(boundedInline{extension.NewStrikethroughParser()}, 500),
		), // without the raw HTML parser
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
			util.Prioritized(boundedTable{extension.NewTableParagraphTransformer()}, 200))...),
		parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0), util.Prioritized(pageTransformer{}, transformerPriority)),
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
	p.AllowAttrs("src").Matching(imageForm).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("loading").Matching(regexp.MustCompile(`^lazy$`)).OnElements("img")
	p.AllowURLSchemes("https", "http", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	return p
}

// HTML renders and sanitises source, in which mentions of these handles are links. It never fails: if goldmark returns
// an error, it returns source as plain text.
func HTML(source string, handles ...string) string {
	var out bytes.Buffer
	pc := parser.NewContext()
	pc.Set(knownKey, handles)
	if err := engine.Convert([]byte(source), &out, parser.WithContext(pc)); err != nil {
		return "<p>" + html.EscapeString(source) + "</p>"
	}
	clean := policy.Sanitize(out.String())
	return adapt.Replace(clean)
}

// adapt adds attributes to tags. Each of these tags passed the policy, which allows no attributes on it. A code block
// may scroll sideways, so it must be focusable by keyboard. Code is read from left to right also in text that is not,
// and the columns of a table are in the direction of its own text.
var adapt = strings.NewReplacer("<pre><code>", `<pre dir="ltr" tabindex="0"><code>`, "<code>", `<code dir="ltr">`, "<table>", `<table dir="auto">`)

var blocks = strings.NewReplacer("</p>", "</p> ", "<br>", " ", "<br/>", " ", "</li>", "</li> ", "</td>", "</td> ",
	"</th>", "</th> ", "</h3>", "</h3> ", "</h4>", "</h4> ", "</h5>", "</h5> ", "</h6>", "</h6> ", "</pre>", "</pre> ")

// Text returns source without markup, on one line.
func Text(source string) string {
	plain := html.UnescapeString(strip.Sanitize(blocks.Replace(HTML(source))))
	return strings.Join(strings.Fields(plain), " ")
}

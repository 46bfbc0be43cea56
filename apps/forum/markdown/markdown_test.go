package markdown_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"gatehouse.example/apps/forum/markdown"
)

func TestHTML_RendersWhatPeopleWrite(t *testing.T) {
	for source, want := range map[string]string{
		"**bold** _it_ ~~gone~~":        "<p><strong>bold</strong> <em>it</em> <del>gone</del></p>\n",
		"one\ntwo":                      "<p>one<br>\ntwo</p>\n",
		"# Top":                         "<h3>Top</h3>\n",
		"###### Low":                    "<h6>Low</h6>\n",
		"- a\n- b":                      "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n",
		"3. a":                          "<ol start=\"3\">\n<li>a</li>\n</ol>\n",
		"`<b>`":                         "<p><code dir=\"ltr\">&lt;b&gt;</code></p>\n",
		"```go\nx<y\n```":               "<pre dir=\"ltr\" tabindex=\"0\"><code>x&lt;y\n</code></pre>\n",
		"<b>typed</b>":                  "<p>&lt;b&gt;typed&lt;/b&gt;</p>\n",
		"<div>\nblock\n</div>":          "<p>&lt;div&gt;<br>\nblock<br>\n&lt;/div&gt;</p>\n",
		"[x](https://example.com)":      "<p><a href=\"https://example.com\" rel=\"nofollow ugc noopener\">x</a></p>\n",
		"https://example.com":           "<p><a href=\"https://example.com\" rel=\"nofollow ugc noopener\">https://example.com</a></p>\n",
		"<https://example.com>":         "<p><a href=\"https://example.com\" rel=\"nofollow ugc noopener\">https://example.com</a></p>\n",
		"![a cat](https://e.com/c.png)": "<p><a href=\"https://e.com/c.png\" rel=\"nofollow ugc noopener\">a cat</a></p>\n",
		"![](https://e.com/c.png)":      "<p><a href=\"https://e.com/c.png\" rel=\"nofollow ugc noopener\">https://e.com/c.png</a></p>\n",
		"[![cat](c.png)](/x)":           "<p><a href=\"/x\" rel=\"nofollow ugc noopener\">cat</a></p>\n",
		"":                              "",
	} {
		if got := markdown.HTML(source); strings.ReplaceAll(got, "<br/>", "<br>") != want {
			t.Errorf("HTML(%q)\n got %q\nwant %q", source, got, want)
		}
	}
	table := markdown.HTML("|a|b|\n|-|-:|\n|1|2|")
	if !strings.Contains(table, `<td align="right">2</td>`) {
		t.Errorf("table: %s", table)
	}
}

func TestHTML_RefusesScripts(t *testing.T) {
	for _, source := range attacks {
		checkSafe(t, source, markdown.HTML(source))
	}
}

// costly are 20,000 characters each that a parser without bounds spends much on.
var costly = map[string]string{
	"quotes": strings.Repeat(">", 20000), "spaced quotes": strings.Repeat("> ", 10000), "lists": strings.Repeat("- ", 10000),
	"numbers": strings.Repeat("1. ", 6600), "lists in quotes": strings.Repeat("> - ", 5000), "quoted lines": strings.Repeat(strings.Repeat(">", 99)+"\n", 200),
	"brackets": strings.Repeat("[", 20000), "pairs of brackets": strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	"links": strings.Repeat("[a](", 5000), "stars": strings.Repeat("*a **b ", 2800), "mismatched": strings.Repeat("*a_ ", 5000),
	"ticks": strings.Repeat("`a``", 5000), "images": strings.Repeat("![", 10000), "pipes": strings.Repeat("|", 20000),
	"table": strings.Repeat("|a", 5000) + "\n" + strings.Repeat("|-", 5000), "references": strings.Repeat("[a]: u\n", 1400) + strings.Repeat("[a] ", 2500),
	"empty rows": strings.Repeat("|a", 2500) + "\n" + strings.Repeat("|-", 2500) + "\n" + strings.Repeat("|\n", 5000),
	"short rows": "|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n" + strings.Repeat("|\n", 9980), "fences": strings.Repeat("```\n", 5000),
}

// No text becomes more HTML than its length justifies, nor is anything in it nested deeply.
func TestHTML_IsBounded(t *testing.T) {
	const factor, deepest = 8, 8 * 3 // a list is ul, li and p
	for name, source := range costly {
		out := markdown.HTML(source)
		checkSafe(t, source, out)
		if len(out) > factor*len(source) {
			t.Errorf("%s: %d bytes became %d", name, len(source), len(out))
		}
		if d := depth(out); d > deepest {
			t.Errorf("%s: elements are nested %d deep", name, d)
		}
	}
}

// depth returns how deeply the elements of out are nested.
func depth(out string) (deepest int) {
	at := 0
	for z := html.NewTokenizer(strings.NewReader(out)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return deepest
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) != "br" && string(name) != "hr" {
				at++
			}
		case html.EndTagToken:
			at--
		}
		deepest = max(deepest, at)
	}
}

// What exceeds a bound is shown as typed, and what is within it is markup.
func TestHTML_ShowsWhatExceedsABoundAsTyped(t *testing.T) {
	for _, tt := range []struct {
		source, element string
		want            int
	}{
		{strings.Repeat(">", 8) + "a", "<blockquote>", 8},
		{strings.Repeat(">", 20) + "a", "<blockquote>", 8},
		{strings.Repeat("- ", 20) + "a", "<ul>", 8},
		{strings.Repeat("> - ", 20) + "a", "<ul>", 4},
		{strings.Repeat("- a\n", 3000), "<li>", 3000},
		{strings.Repeat("*a* ", 500), "<em>", 500},
		{strings.Repeat("*a* ", 4000), "<em>", 500},
		{strings.Repeat("~~a~~ ", 3000), "<del>", 500},
		{strings.Repeat("[a](b) ", 2500), "<a ", 500},
		{"|a|b|c|\n|-|-|-|\n" + strings.Repeat("|1|2|3|\n", 498), "<table ", 1},
		{"|a|b|c|\n|-|-|-|\n" + strings.Repeat("|1|2|3|\n", 499), "<table ", 0},
	} {
		if got := strings.Count(markdown.HTML(tt.source), tt.element); got != tt.want {
			t.Errorf("%.30q… has %d times %s, want %d", tt.source, got, tt.element, tt.want)
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	for name, source := range costly {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				markdown.HTML(source)
			}
		})
	}
}

func TestText_IsPlainAndOnOneLine(t *testing.T) {
	got := markdown.Text("# Head\n\nSome *text* & `<code>`\n\n- one\n- two")
	if want := "Head Some text & <code> one two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCache_AnswersLikeHTMLWhileItForgets(t *testing.T) {
	c := markdown.NewCache(100)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				source := fmt.Sprintf("*%d*", i%13)
				if got := c.HTML(source, ""); got != markdown.HTML(source) {
					t.Errorf("%q: %q", source, got)
				}
			}
		})
	}
	wg.Wait()
	c.HTML(strings.Repeat("a", 5000), "") // larger than a generation
	c.HTML("last", "")
	if n := c.Len(); n > 5000+200 {
		t.Errorf("%d bytes are held", n)
	}
}

var attacks = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))",
	"[x](java\tscript:alert(1))", "[x](&#106;avascript:alert(1))", "<javascript:alert(1)>", "![x](javascript:alert(1))",
	"[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[a]: javascript:alert(1)\n[a]", "`<script>`",
	"[x](https://e.com \"\\\" onmouseover=alert(1) x=\\\"\")", "<a style='x' onclick=y>z</a>", "<svg/onload=alert(1)>",
	"[x](https://e.com\" onclick=\"alert(1))", "```\"><script>\nx\n```", "``` x\" onclick=\"y\nx\n```", "| <b onclick=x> |\n|-|\n| <i style=y> |",
	"<!-- x --><b>", "<![CDATA[<script>]]>", "<style>*{}</style>", "# x {onclick=alert(1) style=color:red}", "&lt;script&gt;",
	"[x](<javascript:alert(1)>)", "[x](\x01javascript:alert(1))", "<pre onclick=x>", "\\<script\\>",
}

var allowed = map[string][]string{
	"p": nil, "br": nil, "hr": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil, "blockquote": nil, "pre": {"dir", "tabindex"}, "code": {"dir"},
	"em": nil, "strong": nil, "del": nil, "ul": nil, "ol": {"start"}, "li": nil, "table": {"dir"}, "thead": nil, "tbody": nil,
	"tr": nil, "th": {"align"}, "td": {"align"}, "a": {"href", "rel"},
}

// checkSafe reads the output with another parser and holds it against a list of
// its own of what may be in it.
func checkSafe(t *testing.T, source, out string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(out))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		if kind == html.CommentToken || kind == html.DoctypeToken {
			t.Fatalf("%q gives %q", source, out)
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		tok := z.Token()
		attrs, ok := allowed[tok.Data]
		if !ok {
			t.Fatalf("%q gives <%s>: %q", source, tok.Data, out)
		}
		for _, a := range tok.Attr {
			if !contains(attrs, a.Key) {
				t.Fatalf("%q gives %s on %s: %q", source, a.Key, tok.Data, out)
			}
			if a.Key == "dir" && a.Val != "ltr" && a.Val != "auto" {
				t.Fatalf("%q gives dir=%q", source, a.Val)
			}
			if a.Key == "href" && !safeURL(a.Val) {
				t.Fatalf("%q links to %q", source, a.Val)
			}
		}
	}
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// safeURL: a scheme, if there is one, is of the web or of mail.
func safeURL(u string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimLeft(u, "\x00\x01\x02\t\n\r ")), ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return true
	}
	return scheme == "http" || scheme == "https" || scheme == "mailto"
}

func FuzzHTML(f *testing.F) {
	for _, a := range attacks {
		f.Add(a)
	}
	f.Add("# Hi\n\n- a\n\n|a|b|\n|-|-|\n|1|2|\n\n> q\n\n```go\nx\n```\n[l](http://x) ![i](y) <z> www.example.com a@b.cd")
	f.Fuzz(func(t *testing.T, source string) {
		checkSafe(t, source, markdown.HTML(source))
		_ = markdown.Text(source)
	})
}

func TestHTML_LinksKnownPeopleAndShowsUploadedImages(t *testing.T) {
	const link = `<a href="/u/@ann-lee" rel="nofollow ugc noopener">@ann-lee</a>`
	for source, want := range map[string]string{
		"@ann-lee, look":                         "<p>" + link + ", look</p>\n",
		"(@ann-lee's)":                           "<p>(" + link + "&#39;s)</p>\n",
		"@ANN-LEE":                               "<p>" + strings.Replace(link, ">@ann-lee<", ">@ANN-LEE<", 1) + "</p>\n",
		"**@ann-lee**":                           "<p><strong>" + link + "</strong></p>\n",
		"@ann-lees @bob `@ann-lee`":              "<p>@ann-lees @bob <code dir=\"ltr\">@ann-lee</code></p>\n",
		"\\@ann-lee":                             "<p>@ann-lee</p>\n",
		"[ask @ann-lee](/x)":                     "<p><a href=\"/x\" rel=\"nofollow ugc noopener\">ask @ann-lee</a></p>\n",
		"![@ann-lee](https://e.com/c.png)":       "<p><a href=\"https://e.com/c.png\" rel=\"nofollow ugc noopener\">@ann-lee</a></p>\n",
		"![a \"cat\"](/images/abcdefghij234567)": "<p><img src=\"/images/abcdefghij234567\" alt=\"a &#34;cat&#34;\" loading=\"lazy\"></p>\n",
		"![c](/images/abcdefghij234567?x)":       "<p><a href=\"/images/abcdefghij234567?x\" rel=\"nofollow ugc noopener\">c</a></p>\n",
		"![c](//e.com/images/abcdefghij234567)":  "<p><a href=\"//e.com/images/abcdefghij234567\" rel=\"nofollow ugc noopener\">c</a></p>\n",
		"[![c](/images/abcdefghij234567)](/x)":   "<p><a href=\"/x\" rel=\"nofollow ugc noopener\">c</a></p>\n",
	} {
		if got := strings.ReplaceAll(markdown.HTML(source, "ann-lee"), `"/>`, `">`); got != want {
			t.Errorf("HTML(%q)\n got %q\nwant %q", source, got, want)
		}
	}
	if got := markdown.HTML("mail ann@ann-lee.com or x/@ann-lee", "ann-lee"); strings.Contains(got, "/u/") {
		t.Errorf("an address is a mention: %s", got)
	}
	if got := strings.Count(markdown.HTML(strings.Repeat("![c](/images/abcdefghij234567)\n\n", 30)), "<img"); got != 20 {
		t.Errorf("%d images are shown", got)
	}
}

func TestFindRefs(t *testing.T) {
	r := markdown.FindRefs("@Ann and @ann and @bob-2, not `@code` or me@mail.com\n\n> [Ann](/posts/abc) wrote:\n>\n> @carol\n\n" +
		"[Ann](/posts/def) ![x](/images/abcdefghij234567) ![y](https://e.com/images/abcdefghij234567)\n\n    @block")
	if got, want := fmt.Sprint(r), "{[ann bob-2] [ann bob-2 carol] [abc] [abcdefghij234567]}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	many := markdown.FindRefs(strings.Repeat("@a1 @a2 @a3 @a4 @a5 @a6 @a7 @a8 @a9 @b1 @b2 @b3 @b4 @b5 @b6 @b7 @b8 @b9 @c1 @c2 @c3 @c4 ", 50))
	if len(many.Mentions) != 20 || len(many.Linked) != 20 {
		t.Errorf("%d mentions", len(many.Mentions))
	}
}

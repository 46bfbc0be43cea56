package academy

import (
	"bytes"
	"html"
	"regexp"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"gatehouse.example/apps/academy/lab"
)

// texts renders the Markdown of experiments, which is part of the program and contains no HTML.
var texts = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough))

var placeholder = regexp.MustCompile(`\{\{\s*([a-z0-9-]+)\s*\}\}`)

// markdown renders text as HTML, and replaces {{name}} by the finding of that name. Findings are escaped, never
// rendered as Markdown or HTML.
func markdown(text string, found lab.Findings) string {
	var b bytes.Buffer
	if err := texts.Convert([]byte(text), &b); err != nil {
		return "<p>" + html.EscapeString(text) + "</p>"
	}
	return placeholder.ReplaceAllStringFunc(b.String(), func(m string) string {
		f, ok := found[placeholder.FindStringSubmatch(m)[1]]
		if !ok {
			return "<strong>?</strong>"
		}
		return "<strong>" + html.EscapeString(shown(f)) + "</strong>"
	})
}

// plain returns a text of one or two sentences without markup, for screen readers.
func plain(text string, found lab.Findings) string {
	return html.UnescapeString(tags.ReplaceAllString(markdown(text, found), ""))
}

var tags = regexp.MustCompile(`<[^>]*>`)

// shown returns the text of a finding, which includes its unit, if any.
func shown(f lab.Finding) string { return f.Text }

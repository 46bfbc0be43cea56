package academy

import (
	"bytes"
	"html"
	"regexp"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"gatehouse/apps/academy/lab"
)

// texts renders the Markdown of experiments: ours, so without HTML in it.
var texts = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough))

var placeholder = regexp.MustCompile(`\{\{\s*([a-z0-9-]+)\s*\}\}`)

// markdown is text as HTML, with what was measured in the place of {{its-name}}. What
// was measured is text, never Markdown or HTML.
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

// plain is a text of one or two sentences without marks, for a screen reader.
func plain(text string, found lab.Findings) string {
	return html.UnescapeString(tags.ReplaceAllString(markdown(text, found), ""))
}

var tags = regexp.MustCompile(`<[^>]*>`)

// shown is a finding as it is written: its text says its unit where it has one.
func shown(f lab.Finding) string { return f.Text }

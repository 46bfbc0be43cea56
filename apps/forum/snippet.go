package forum

import (
	"strings"
	"unicode/utf8"

	"gatehouse.example/db/fulltext"
)

// snippetLength is the approximate length of the excerpt of a post, in bytes.
const snippetLength = 200

// snippet is a text split at the words that a search matched: every second part is such a word.
type snippet []string

// highlight splits text at the words that query matches.
func highlight(text, query string) (s snippet) {
	at := 0
	for _, word := range fulltext.Find(text, query) {
		s = append(s, text[at:word[0]], text[word[0]:word[1]])
		at = word[1]
	}
	return append(s, text[at:])
}

// excerpt returns the part of text around the first word that query matches.
func excerpt(text, query string) snippet {
	first := firstFound(text, query)
	from, to := runeStart(text, first-snippetLength/3), runeStart(text, first+snippetLength)
	if from > 0 { // start with a whole word if there is a space before the first match
		from += strings.IndexByte(text[from:first], ' ') + 1
	}
	s := highlight(text[from:to], query)
	if from > 0 {
		s[0] = "… " + s[0]
	}
	if to < len(text) {
		s[len(s)-1] += " …"
	}
	return s
}

// excerptSource returns the part of a long source that its excerpt is taken from, so that only this part is rendered.
func excerptSource(source, query string) string {
	const before, after = 500, 1500
	first := firstFound(source, query)
	return source[runeStart(source, first-before):runeStart(source, first+after)]
}

func firstFound(text, query string) int {
	if found := fulltext.Find(text, query); len(found) > 0 {
		return found[0][0]
	}
	return 0
}

// runeStart returns at, moved forward to the start of the next character of text, or to its end.
func runeStart(text string, at int) int {
	at = min(max(at, 0), len(text))
	for at < len(text) && !utf8.RuneStart(text[at]) {
		at++
	}
	return at
}

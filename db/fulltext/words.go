package fulltext

import (
	"slices"
	"strings"
	"unicode"
)

const (
	maxWord   = 40     // characters of a word; the rest does not count
	maxWords  = 20_000 // different words of a document
	maxQuery  = 8      // words of a query
	minPrefix = 3      // characters from which on a word of a query also matches longer words
)

// Words returns the words of text in lower case: runs of letters and digits. Characters of scripts that
// are written without spaces are words of their own.
func Words(text string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, string(word[:min(len(word), maxWord)]))
		}
		word = word[:0]
	}
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			end()
			word = append(word, r)
			end()
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) && len(word) > 0:
			word = append(word, r)
		default:
			end()
		}
	}
	end()
	return words
}

// QueryWords returns the different words of a query that count.
func QueryWords(query string) []string {
	words := Words(query)
	return distinct(words[:min(len(words), maxQuery)])
}

// distinct returns at most maxWords words, each once and in order.
func distinct(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxWords)]
}

package fulltext

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxWord   = 40     // characters of a word; the rest is ignored
	maxWords  = 20_000 // different words of a document
	maxQuery  = 8      // words of a query
	minPrefix = 3      // minimum length of a word that also matches longer words
)

// Words returns the words of text in lower case: runs of letters and digits. In scripts that are written without
// spaces, each character is a word.
func Words(text string) []string {
	var words []string
	scanWords(text, func(word string, _, _ int) { words = append(words, word) })
	return words
}

// Find returns the start and end, in bytes, of each word of text that matches a word of query.
func Find(text, query string) (found [][2]int) {
	wanted := QueryWords(query)
	scanWords(text, func(word string, from, to int) {
		if slices.ContainsFunc(wanted, func(w string) bool {
			return w == word || len([]rune(w)) >= minPrefix && strings.HasPrefix(word, w)
		}) {
			found = append(found, [2]int{from, to})
		}
	})
	return found
}

// scanWords calls found for each word of text, with its start and end in bytes.
func scanWords(text string, found func(word string, from, to int)) {
	var word []rune
	from := 0
	end := func(to int) {
		if len(word) > 0 {
			found(string(word[:min(len(word), maxWord)]), from, to)
		}
		word = word[:0]
	}
	for at, r := range text {
		r = unicode.ToLower(r)
		alone := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
		if !alone && !unicode.IsLetter(r) && !unicode.IsDigit(r) && (!unicode.IsMark(r) || len(word) == 0) {
			end(at)
			continue
		}
		if alone {
			end(at)
		}
		if len(word) == 0 {
			from = at
		}
		word = append(word, r)
		if alone {
			end(at + utf8.RuneLen(r))
		}
	}
	end(len(text))
}

// QueryWords returns the distinct words among the first maxQuery words of a query.
func QueryWords(query string) []string {
	words := Words(query)
	return distinct(words[:min(len(words), maxQuery)])
}

// distinct returns at most maxWords words, sorted and without duplicates.
func distinct(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxWords)]
}

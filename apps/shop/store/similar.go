package store

import (
	"context"
	"slices"
	"strings"

	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
)

const (
	// minSimilar and maxSimilar limit the length of words that are corrected, in characters.
	minSimilar, maxSimilar = 3, 24
	// maxSimilarWords is the number of words of a search that are corrected.
	maxSimilarWords = 8
	// maxShared is the number of words of the vocabulary with a common trigram that are compared.
	maxShared = 10_000
	// maxCandidates is the number of those that share the most trigrams.
	maxCandidates = 200
)

// searchSimilar searches for words that are similar to those of q, and says in the listing for which. It returns false
// if there are none, or none of their products match.
func (s *Store) searchSimilar(ctx context.Context, q Query) (Listing, bool, error) {
	text, err := s.similarText(ctx, q.Text)
	if err != nil || text == "" {
		return Listing{}, false, err
	}
	q.Text, q.Similar = text, false
	l, err := s.Search(ctx, q)
	l.Similar = text
	return l, l.matched, err
}

// similarText returns text with each word that is not in the vocabulary replaced by the most similar one, or left out
// if none is similar. It returns "" if that leaves nothing, or if all words are in the vocabulary.
func (s *Store) similarText(ctx context.Context, text string) (string, error) {
	words := fulltext.Words(text)
	var out []string
	corrected := false
	for _, w := range words[:min(len(words), maxSimilarWords)] {
		known, err := s.knownWord(ctx, w)
		if err != nil {
			return "", err
		}
		if !known {
			corrected = true
			if w, err = s.similarWord(ctx, w); err != nil {
				return "", err
			}
		}
		if w != "" {
			out = append(out, w)
		}
	}
	if !corrected {
		return "", nil
	}
	return strings.Join(out, " "), nil
}

// knownWord reports whether a search finds word: it is in the vocabulary, or begins a word there.
func (s *Store) knownWord(ctx context.Context, word string) (bool, error) {
	most := word
	if len([]rune(word)) >= minSimilar {
		most += "\U0010FFFF"
	}
	n, err := db.One[int](ctx, s.db, "similar words", `SELECT COUNT(*) FROM (SELECT 1 FROM search_vocabulary WHERE word >= ? AND word <= ? LIMIT 1) w`, word, most)
	return n > 0, err
}

// similarWord returns the word of the vocabulary that is the most similar to word: with the fewest differences, and of
// those the shortest. If none has few enough, it returns the longest one that word begins with, such as "lamp" for
// "lampenschirm", or "".
func (s *Store) similarWord(ctx context.Context, word string) (string, error) {
	letters := []rune(word)
	if len(letters) < minSimilar || len(letters) > maxSimilar {
		return "", nil
	}
	query, args := SharedStatement(s.db.Dialect, word)
	candidates, err := db.All[string](ctx, s.db, "similar words", query, args...)
	if err != nil {
		return "", err
	}
	// Two letters that are swapped in a short word leave no common trigram.
	beginnings := beginningsOf(letters)
	exact, err := db.All[string](ctx, s.db, "similar words", `SELECT word FROM search_vocabulary WHERE word IN (?)`, append(swaps(letters), beginnings...))
	if err != nil {
		return "", err
	}
	candidates = append(candidates, exact...)
	best, fewest := "", 1
	if len(letters) >= 6 {
		fewest = 2
	}
	for _, c := range candidates {
		n := Differences(word, c)
		if n < fewest || n == fewest && (best == "" || len(c) < len(best) || len(c) == len(best) && c < best) {
			best, fewest = c, n
		}
	}
	if best != "" {
		return best, nil
	}
	for _, b := range beginnings { // the longest first
		if slices.Contains(exact, b) {
			return b, nil
		}
	}
	return "", nil
}

// swaps returns the words that swapping two adjacent letters gives.
func swaps(letters []rune) []string {
	var out []string
	for i := range len(letters) - 1 {
		w := append([]rune(nil), letters...)
		w[i], w[i+1] = w[i+1], w[i]
		out = append(out, string(w))
	}
	return out
}

// beginningsOf returns the beginnings of a word that are at least a third of it, the longest first.
func beginningsOf(letters []rune) []string {
	var out []string
	for n := len(letters) - 1; n >= max(minSimilar, len(letters)/3); n-- {
		out = append(out, string(letters[:n]))
	}
	return out
}

// SharedStatement returns a query for the words of the vocabulary that share the most trigrams with word, where a space
// before and after a word counts as a letter.
func SharedStatement(dialect db.Dialect, word string) (query string, args []any) {
	padded := []rune(" " + word + " ")
	var trigrams, common []string
	for i := range len(padded) - 2 {
		trigrams = append(trigrams, string(padded[i:i+3]))
	}
	if dialect == db.SQLite {
		query = `SELECT trim(word) AS word FROM search_trigrams WHERE search_trigrams MATCH ? LIMIT ?`
		args = append(args, `"`+strings.Join(trigrams, `" OR "`)+`"`)
	} else {
		var matches []string
		for _, t := range trigrams {
			// A pattern without % at one end says that the word begins or ends there: the index knows these trigrams.
			pattern := "%" + t + "%"
			if strings.HasPrefix(t, " ") {
				pattern = strings.TrimPrefix(pattern, "% ")
			}
			if strings.HasSuffix(t, " ") {
				pattern = strings.TrimSuffix(pattern, " %")
			}
			matches, args = append(matches, `word LIKE ?`), append(args, pattern)
		}
		query = `SELECT word FROM search_vocabulary WHERE ` + strings.Join(matches, " OR ") + ` LIMIT ?`
	}
	args = append(args, maxShared)
	for _, t := range trigrams {
		common, args = append(common, `CAST(' ' || w.word || ' ' LIKE ? AS INTEGER)`), append(args, "%"+t+"%")
	}
	return `SELECT w.word FROM (` + query + `) w ORDER BY ` + strings.Join(common, " + ") + ` DESC, w.word LIMIT ?`, append(args, maxCandidates)
}

// Differences returns the number of letters that must be inserted, removed, replaced or swapped with the next one to
// turn a into b (optimal string alignment distance).
func Differences(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range to {
		rows[0][j+1] = j + 1
	}
	for i := range from {
		for j := range to {
			replace := rows[i][j]
			if from[i] != to[j] {
				replace++
			}
			n := min(replace, rows[i][j+1]+1, rows[i+1][j]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				n = min(n, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = n
		}
	}
	return rows[len(from)][len(to)]
}

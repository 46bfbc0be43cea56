package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jmoiron/sqlx"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxWords bounds the words kept of one person: a name of eighty letters with a space after each is no reason for more.
const maxWords = 40

// maxWord is how much of a word is kept and looked for, in bytes; the longest email fits.
const maxWord = 254

// letters are those that Unicode does not take apart into a letter and a mark.
var letters = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe", "þ", "th")

// fold makes what is written differently alike: case, accents, forms of a letter.
func fold(s string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(cases.Fold().String(strings.ToValidUTF8(s, ""))))
	return norm.NFC.String(letters.Replace(bare))
}

// wordsIn splits folded text where there is neither a letter nor a digit.
func wordsIn(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// wordsOf are the words under which u is found, in order: those of the name and of the email, and the whole email.
// An account that was deleted has none.
func wordsOf(u User) []string {
	if !u.DeletedAt.IsZero() {
		return nil
	}
	words := []string{fold(u.EmailNormalised)}
	if typed := fold(u.Email); typed != words[0] { // a domain in letters that its ASCII form spells differently
		words = append(words, typed)
	}
	words = append(words, wordsIn(fold(u.Name))...)
	words = append(words, wordsIn(fold(u.Email))...)
	for i, w := range words {
		words[i] = clip(w)
	}
	kept := words[:0]
	for _, w := range words {
		if w != "" && !slices.Contains(kept, w) && len(kept) < maxWords {
			kept = append(kept, w)
		}
	}
	slices.Sort(kept)
	return kept
}

// searched are the beginnings of words that typed text asks for: all of them have to be there. What has an @ is the
// beginning of an email.
func searched(typed string) []string {
	var words []string
	for _, part := range strings.Fields(fold(typed)) {
		if strings.Contains(part, "@") {
			words = append(words, part)
		} else {
			words = append(words, wordsIn(part)...)
		}
	}
	for i, w := range words {
		words[i] = clip(w)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	// The beginning of another word that is searched for says nothing more than that.
	return slices.DeleteFunc(words, func(w string) bool {
		return slices.ContainsFunc(words, func(longer string) bool { return longer != w && strings.HasPrefix(longer, w) })
	})
}

// clip is the beginning of a word, without half a letter at its end.
func clip(w string) string {
	if len(w) <= maxWord {
		return w
	}
	return strings.ToValidUTF8(w[:maxWord], "")
}

// past is behind every word that begins so: the last of Unicode's characters is in no word.
func past(prefix string) string { return prefix + "\U0010FFFF" }

// keepWords makes the words of users be those that they have now.
func keepWords(ctx context.Context, tx *sqlx.Tx, users ...User) error {
	for group := range slices.Chunk(users, 200) {
		ids := make([]string, len(group))
		for i, u := range group {
			ids[i] = u.ID
		}
		query, args, err := sqlx.In(`DELETE FROM user_words WHERE user_id IN (?)`, ids)
		if err != nil {
			return fmt.Errorf("store: words: %w", err)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(query), args...); err != nil {
			return fmt.Errorf("store: words: %w", err)
		}
		if err := addWords(ctx, tx, group); err != nil {
			return err
		}
	}
	return nil
}

// addWords stores the words of users who have none, a few hundred at a time.
func addWords(ctx context.Context, tx *sqlx.Tx, users []User) error {
	var args []any
	write := func() error {
		if len(args) == 0 {
			return nil
		}
		values := strings.TrimSuffix(strings.Repeat("(?, ?), ", len(args)/2), ", ")
		if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO user_words (word, user_id) VALUES `+values), args...); err != nil {
			return fmt.Errorf("store: words: %w", err)
		}
		args = args[:0]
		return nil
	}
	for _, u := range users {
		for _, w := range wordsOf(u) {
			if args = append(args, w, u.ID); len(args) >= 1000 {
				if err := write(); err != nil {
					return err
				}
			}
		}
	}
	return write()
}

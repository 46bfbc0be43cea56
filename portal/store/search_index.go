package store

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/jmoiron/sqlx"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"gatehouse.example/db"
)

// maxTerms limits the indexed words of one user, for instance for a name of eighty letters with a space after each.
const maxTerms = 40

// maxWordBytes is the number of bytes to which a word is cut for storage and search; the longest email fits.
const maxWordBytes = 254

// letters replaces those that Unicode does not decompose into a letter and a mark.
var letters = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe", "þ", "th")

// fold removes differences in case, accents and forms of a letter.
func fold(s string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(cases.Fold().String(strings.ToValidUTF8(s, ""))))
	return norm.NFC.String(letters.Replace(bare))
}

// splitWords splits folded text at characters that are neither letters nor digits.
func splitWords(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// searchTerms returns the words by which u is found, sorted: those of the name and of the email, and the whole email. A
// deleted account has none.
func searchTerms(u User) []string {
	if !u.DeletedAt.IsZero() {
		return nil
	}
	words := []string{fold(u.EmailNormalised)}
	if typed := fold(u.Email); typed != words[0] { // a domain with letters that differ from its ASCII form
		words = append(words, typed)
	}
	words = append(words, splitWords(fold(u.Name))...)
	words = append(words, splitWords(fold(u.Email))...)
	for i, w := range words {
		words[i] = truncateWord(w)
	}
	kept := words[:0]
	for _, w := range words {
		if w != "" && !slices.Contains(kept, w) && len(kept) < maxTerms {
			kept = append(kept, w)
		}
	}
	slices.Sort(kept)
	return kept
}

// parseSearch returns the word beginnings in typed text, all of which have to match. A part with an @ is the beginning
// of an email.
func parseSearch(typed string) []string {
	var words []string
	for _, part := range strings.Fields(fold(typed)) {
		if strings.Contains(part, "@") {
			words = append(words, part)
		} else {
			words = append(words, splitWords(part)...)
		}
	}
	for i, w := range words {
		words[i] = truncateWord(w)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	// A beginning of another searched word is redundant.
	return slices.DeleteFunc(words, func(w string) bool {
		return slices.ContainsFunc(words, func(longer string) bool { return longer != w && strings.HasPrefix(longer, w) })
	})
}

// truncateWord cuts a word to maxWordBytes bytes, without splitting a character.
func truncateWord(w string) string {
	if len(w) <= maxWordBytes {
		return w
	}
	return strings.ToValidUTF8(w[:maxWordBytes], "")
}

// prefixEnd returns a string that sorts after every word with that prefix: no word contains the last code point of
// Unicode.
func prefixEnd(prefix string) string { return prefix + "\U0010FFFF" }

// replaceTerms replaces the stored terms of users by their current ones.
func replaceTerms(ctx context.Context, tx *sqlx.Tx, users ...User) error {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	if err := db.Exec(ctx, tx, "search index", `DELETE FROM user_words WHERE user_id IN (?)`, ids); err != nil {
		return err
	}
	return insertTerms(ctx, tx, users)
}

// insertTerms stores the terms of users that have none stored, a few hundred at a time.
func insertTerms(ctx context.Context, tx *sqlx.Tx, users []User) error {
	var args []any
	for _, u := range users {
		for _, term := range searchTerms(u) {
			args = append(args, term, u.ID)
		}
	}
	for some := range slices.Chunk(args, 1000) {
		if err := db.Exec(ctx, tx, "search index", `INSERT INTO user_words (word, user_id) VALUES `+placeholders(`(?, ?)`, len(some)/2), some...); err != nil {
			return err
		}
	}
	return nil
}

// maxIndexBatch is the number of users whose words are stored in one transaction, so that others wait no longer than
// for a sign-in.
const maxIndexBatch = 200

// IndexUsers stores the words of users that have none stored, because they are older than the search index or were
// inserted by hand, and returns their number. Replicas may call it concurrently.
func (s *Store) IndexUsers(ctx context.Context) (indexed int, err error) {
	for {
		n, err := s.indexBatch(ctx)
		indexed += n
		if err != nil || n == 0 {
			return indexed, err
		}
	}
}

func (s *Store) indexBatch(ctx context.Context) (n int, err error) {
	if s.db.Dialect == db.SQLite { // most starts find none: check before taking the write lock
		if n, err := s.countUpTo(ctx, 1, `SELECT 1 FROM users WHERE NOT indexed`); err != nil || n == 0 {
			return 0, err
		}
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		users, err := db.All[User](ctx, tx, "users that are not indexed",
			`SELECT `+userColumns+` FROM users WHERE NOT indexed ORDER BY id LIMIT ?`+s.onPostgres(` FOR UPDATE SKIP LOCKED`), maxIndexBatch)
		if n = len(users); err != nil || n == 0 {
			return err
		}
		if err := replaceTerms(ctx, tx, users...); err != nil {
			return err
		}
		ids := make([]string, n)
		for i, u := range users {
			ids[i] = u.ID
		}
		return db.Exec(ctx, tx, "search index", `UPDATE users SET indexed = TRUE WHERE id IN (?)`, ids)
	})
	return n, err
}

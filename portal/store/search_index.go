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

	"gatehouse/db"
)

// maxWords limits the indexed words of one user, for instance for a name of eighty letters with a space after each.
const maxWords = 40

// maxWord is the number of bytes to which a word is cut for storage and search; the longest email fits.
const maxWord = 254

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

// wordsIn splits folded text at characters that are neither letters nor digits.
func wordsIn(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// wordsOf returns the words by which u is found, sorted: those of the name and of the email, and the whole email. A
// deleted account has none.
func wordsOf(u User) []string {
	if !u.DeletedAt.IsZero() {
		return nil
	}
	words := []string{fold(u.EmailNormalised)}
	if typed := fold(u.Email); typed != words[0] { // a domain with letters that differ from its ASCII form
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

// searched returns the word beginnings in typed text, all of which have to match. A part with an @ is the beginning
// of an email.
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
	// A beginning of another searched word is redundant.
	return slices.DeleteFunc(words, func(w string) bool {
		return slices.ContainsFunc(words, func(longer string) bool { return longer != w && strings.HasPrefix(longer, w) })
	})
}

// clip cuts a word to maxWord bytes, without splitting a character.
func clip(w string) string {
	if len(w) <= maxWord {
		return w
	}
	return strings.ToValidUTF8(w[:maxWord], "")
}

// past returns a string that sorts after every word with that prefix: no word contains the last code point of
// Unicode.
func past(prefix string) string { return prefix + "\U0010FFFF" }

// keepWords replaces the stored words of users by their current ones.
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

// addWords stores the words of users that have none stored, a few hundred at a time.
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

// indexedAtOnce is the number of users whose words are stored in one transaction, so that others wait no longer than
// for a sign-in.
const indexedAtOnce = 200

// IndexPeople stores the words of users that have none stored, because they are older than the search index or were
// inserted by hand, and returns their number. Replicas may call it concurrently.
func (s *Store) IndexPeople(ctx context.Context) (indexed int, err error) {
	for {
		n, err := s.indexSome(ctx)
		indexed += n
		if err != nil || n == 0 {
			return indexed, err
		}
	}
}

func (s *Store) indexSome(ctx context.Context) (n int, err error) {
	query := `SELECT ` + userColumns + ` FROM users WHERE NOT indexed ORDER BY id LIMIT ?`
	if s.db.Dialect == db.Postgres {
		query += ` FOR UPDATE SKIP LOCKED`
	} else {
		// Most starts find none: check before taking the write lock.
		if err := s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM users WHERE NOT indexed LIMIT 1) AS some`); err != nil || n == 0 {
			return 0, err
		}
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		var rows []userRow
		if err := tx.SelectContext(ctx, &rows, tx.Rebind(query), indexedAtOnce); err != nil {
			return fmt.Errorf("store: people without words: %w", err)
		}
		if n = len(rows); n == 0 {
			return nil
		}
		users, ids := make([]User, n), make([]string, n)
		for i, r := range rows {
			if users[i], err = r.user(); err != nil {
				return err
			}
			ids[i] = r.ID
		}
		if err := keepWords(ctx, tx, users...); err != nil {
			return err
		}
		query, args, err := sqlx.In(`UPDATE users SET indexed = TRUE WHERE id IN (?)`, ids)
		if err != nil {
			return fmt.Errorf("store: people without words: %w", err)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(query), args...); err != nil {
			return fmt.Errorf("store: people without words: %w", err)
		}
		return nil
	})
	return n, err
}

package password

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The limits of a password's length, in Unicode code points after NFC normalisation (NIST SP 800-63B counts each
// code point as one character). There are no composition rules: length is what helps.
const (
	MinRunes = 10
	MaxRunes = 128
)

// Weakness is the reason why a password was refused: a sentence that may be shown to the user.
type Weakness string

// Error returns the sentence.
func (w Weakness) Error() string { return string(w) }

// The reasons for which [Policy.Check] refuses a password.
const (
	TooShort  Weakness = "Use at least 10 characters. A few words in a row work well."
	TooLong   Weakness = "Use at most 128 characters."
	Malformed Weakness = "This contains characters that you can't use in a password."
	Common    Weakness = "Too many people use this password. Choose one that is harder to guess."
	Personal  Weakness = "This is too close to your name, your email or the name of this site."
	Simple    Weakness = "This repeats or follows a simple pattern. Choose one that is harder to guess."
)

// Policy decides which passwords may be chosen (NIST SP 800-63B §5.1.1.2 and OWASP's Authentication Cheat Sheet):
// long enough, not a common one, not the user's own name or email. Anything else is allowed, including spaces and
// emoji.
type Policy struct {
	// Refused are further passwords that may not be chosen, such as published demo passwords.
	Refused []string
}

// Check returns nil if password may be chosen by a user with the given email and name, else the [Weakness].
func (p Policy) Check(password string, about ...string) error {
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return Malformed
	}
	if len(password) > maxBytes {
		return TooLong
	}
	password = norm.NFC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < MinRunes:
		return TooShort
	case n > MaxRunes:
		return TooLong
	}
	folded := normalise(password)
	if _, found := commonPasswords()[folded]; found {
		return Common
	}
	for _, r := range p.Refused {
		if folded == normalise(r) {
			return Common
		}
	}
	if isSimple(folded) {
		return Simple
	}
	if isPersonal(folded, append(about, "gatehouse")) {
		return Personal
	}
	return nil
}

// isPersonal reports whether the password consists of little more than one of the words.
func isPersonal(folded string, about []string) bool {
	const enough = 4 // number of other characters from which on a password is accepted
	for _, text := range about {
		text = normalise(norm.NFC.String(text))
		words := append(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }), text)
		if local, _, found := strings.Cut(text, "@"); found {
			words = append(words, local)
		}
		rest := folded
		for _, w := range words {
			if utf8.RuneCountInString(w) < 4 {
				continue
			}
			if utf8.RuneCountInString(strings.ReplaceAll(folded, w, "")) < enough {
				return true
			}
			rest = strings.ReplaceAll(rest, w, "")
		}
		if utf8.RuneCountInString(rest) < enough {
			return true
		}
	}
	return false
}

// isSimple reports whether a password is one or two characters repeated, or a run such as abcdefghij or 9876543210.
func isSimple(folded string) bool {
	runes := []rune(folded)
	seen := map[rune]bool{}
	up, down := true, true
	for i, r := range runes {
		seen[r] = true
		if i > 0 {
			up = up && r == runes[i-1]+1
			down = down && r == runes[i-1]-1
		}
	}
	return len(seen) < 3 || up || down
}

func normalise(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

//go:embed common.txt
var commonList string

// commonPasswords returns the set of common passwords, read at the first use.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	lines := strings.Split(strings.TrimSpace(commonList), "\n")
	set := make(map[string]struct{}, len(lines))
	for _, l := range lines {
		set[l] = struct{}{}
	}
	return set
})

package password_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse.example/portal/password"
)

func TestPolicy_Check(t *testing.T) {
	p := password.Policy{Refused: []string{"gatehouse-demo"}}
	about := []string{"maria.keller@example.com", "Maria Keller"}
	for name, c := range map[string]struct {
		password string
		want     error
	}{
		"empty":                       {"", password.TooShort},
		"nine":                        {"kq7vB2xZm", password.TooShort},
		"ten":                         {"kq7vB2xZm!", nil},
		"ten of other scripts":        {"пятьзимних", nil},
		"nine emoji, many bytes":      {"🦊🐢🐙🦉🐳🦋🐝🐌🦎", password.TooShort},
		"ten emoji":                   {"🦊🐢🐙🦉🐳🦋🐝🐌🦎🐘", nil},
		"words and spaces":            {"four quiet grey herons", nil},
		"128":                         {strings.Repeat("ab3d", 32), nil},
		"129":                         {strings.Repeat("ab3d", 32) + "x", password.TooLong},
		"a megabyte":                  {strings.Repeat("ab3d", 1<<18), password.TooLong},
		"decomposed counts composed":  {"u\u0308a\u0308o\u0308e\u0301i\u0301", password.TooShort},
		"not UTF-8":                   {"abcdefghij\xff", password.Malformed},
		"NUL":                         {"abcd\x00efghijk", password.Malformed},
		"common":                      {"1q2w3e4r5t", password.Common},
		"common, other case":          {"QwertyUiop", password.Common},
		"common passphrase":           {"correct horse battery staple", password.Common},
		"published":                   {"Gatehouse-Demo", password.Common},
		"one character":               {"zzzzzzzzzzzz", password.Simple},
		"run up":                      {"bcdefghijklmn", password.Simple},
		"run down":                    {"zyxwvutsrqpo", password.Simple},
		"email":                       {"maria.keller@example.com", password.Personal},
		"email, other case, a number": {"Maria.Keller@Example.com1", password.Personal},
		"local part":                  {"maria.keller7", password.Personal},
		"name":                        {"Maria Keller", password.Personal},
		"name together":               {"mariakeller!", password.Personal},
		"name in a longer one":        {"maria paints herons", nil},
		"the site":                    {"gatehouse1!", password.Personal},
		"HTML":                        {"<script>alert(1)</script>", nil},
		"SQL":                         {"' OR 1=1; DROP TABLE users; --", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.Check(c.password, about...); !errors.Is(err, c.want) {
				t.Fatalf("Check(%.40q) = %v, want %v", c.password, err, c.want)
			}
		})
	}
}

func FuzzPolicy_Check(f *testing.F) {
	for _, s := range []string{"", "abcdefghij", "\xff", "a\x00b", "u\u0308u\u0308u\u0308u\u0308u\u0308u\u0308", strings.Repeat("🦊", 200)} {
		f.Add(s, "maria@example.com")
	}
	f.Fuzz(func(t *testing.T, pw, about string) {
		err := password.Policy{}.Check(pw, about)
		var w password.Weakness
		if err != nil && !errors.As(err, &w) {
			t.Fatalf("not a Weakness: %v", err)
		}
		if err == nil && (!utf8.ValidString(pw) || len(pw) < password.MinRunes) {
			t.Fatalf("accepted %q", pw)
		}
	})
}

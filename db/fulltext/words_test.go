package fulltext_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse.example/db/fulltext"
)

func TestWords_AreLettersAndDigitsInLowerCase(t *testing.T) {
	for text, want := range map[string][]string{
		"":                       nil,
		" -- !\x00 % _":          nil,
		"The HINGE, and the öl!": {"the", "hinge", "and", "the", "öl"},
		"it_is 3.5mm":            {"it", "is", "3", "5mm"},
		"ÄÖ-ΣΑΣ naïve":           {"äö", "σασ", "naïve"},
		"新しい door蝶":              {"新", "し", "い", "door", "蝶"},
		"\xff\xfeab":             {"ab"},
		"e\u0301tude \u0301x":    {"e\u0301tude", "x"},
		`"a"* OR 'b' & c:*`:      {"a", "or", "b", "c"},
		strings.Repeat("x", 100): {strings.Repeat("x", 40)},
	} {
		if got := fulltext.Words(text); !slices.Equal(got, want) {
			t.Errorf("Words(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestQueryWords_AreEightAtMost(t *testing.T) {
	if got := fulltext.QueryWords("i h g f e d c b a b"); !slices.Equal(got, []string{"b", "c", "d", "e", "f", "g", "h", "i"}) {
		t.Errorf("%q", got)
	}
	if got := fulltext.Patterns("of HINGE of"); !slices.Equal(got, []string{"% hinge%", "% of %"}) {
		t.Errorf("%q", got)
	}
}

func TestFind_ReturnsWholeWordsAndBeginnings(t *testing.T) {
	for _, c := range []struct {
		text, query string
		want        []string
	}{
		{"Another door: the Doorbell, indoors", "the door", []string{"door", "the", "Doorbell"}},
		{"of often", "of", []string{"of"}}, // two letters are no beginning
		{"新しい蝶", "蝶", []string{"蝶"}},
		{"Ölkanne\xff öl", "ölk", []string{"Ölkanne"}},
		{"a door", "", nil},
		{"", "door", nil},
	} {
		var got []string
		for _, at := range fulltext.Find(c.text, c.query) {
			got = append(got, c.text[at[0]:at[1]])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Find(%q, %q) = %q, want %q", c.text, c.query, got, c.want)
		}
	}
}

// No word has a character that means something to a database.
func FuzzWords(f *testing.F) {
	f.Add(`a "b" 'c' d:* e & f | !g \ % _ 蝶`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range fulltext.Words(text) {
			if w == "" || !utf8.ValidString(w) || strings.ContainsAny(w, " \t\r\n\x00'\"\\*&|!:()<>%_^-+{}") {
				t.Errorf("%q is a word of %q", w, text)
			}
		}
	})
}

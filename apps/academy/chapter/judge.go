package chapter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxText is the maximum length of a written answer in characters.
const MaxText = 8000

// Refusal is the reason why an answer is rejected: a sentence for the learner.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Choose validates the chosen options, each a number from 0, and returns them in stored form, or a Refusal.
func (q *Question) Choose(options []string) (given string, err error) {
	if len(options) == 0 {
		if q.Kind == Several {
			return "", Refusal("Choose at least one answer.")
		}
		return "", Refusal("Choose an answer.")
	}
	var chosen []int
	for _, o := range options {
		n, err := strconv.Atoi(o)
		if err != nil || n < 0 || n >= len(q.Options) {
			return "", Refusal("One of your answers doesn't belong to this question. Choose again.")
		}
		if !slices.Contains(chosen, n) {
			chosen = append(chosen, n)
		}
	}
	if q.Kind == Choice && len(chosen) > 1 {
		return "", Refusal("Choose one answer only.")
	}
	slices.Sort(chosen)
	return numbers(chosen), nil
}

// Arrange validates the positions, from 1, that the lines of Shown were given, and returns the order in stored form,
// or a Refusal.
func (q *Question) Arrange(places []string) (given string, err error) {
	order := slices.Repeat([]int{-1}, len(q.Shown))
	if len(places) != len(order) {
		return "", Refusal("Choose a place for each line.")
	}
	for i, p := range places {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > len(order) {
			return "", Refusal(fmt.Sprintf("A place must be a number from 1 to %d. Choose a place for each line.", len(order)))
		}
		if order[n-1] >= 0 {
			return "", Refusal(fmt.Sprintf("Two lines have the place %d. Choose a different place for each line.", n))
		}
		order[n-1] = q.Shown[i]
	}
	return numbers(order), nil
}

// Write validates a written answer and returns it without surrounding white space. With a Refusal it returns the text
// to show again.
func (q *Question) Write(text string) (given string, err error) {
	given = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text))
	switch n := utf8.RuneCountInString(given); {
	case given == "":
		return given, Refusal("Enter an answer. A few words are enough.")
	case n > MaxText:
		return given, Refusal(fmt.Sprintf("An answer can have at most %d characters, and yours has %d. Shorten it, then submit it again.", MaxText, n))
	case !utf8.ValidString(given) || strings.ContainsFunc(given, noText):
		return strings.Map(onlyText, strings.ToValidUTF8(given, "")), Refusal("We removed characters that aren't text. Check your answer, then submit it again.")
	}
	return given, nil
}

// noText reports whether c is a control character, which text does not need and of which PostgreSQL rejects NUL, or
// one that reverses the direction of the text around it.
func noText(c rune) bool {
	return c < ' ' && c != '\n' && c != '\t' || c == 0x7f || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069
}

func onlyText(c rune) rune {
	if noText(c) {
		return -1
	}
	return c
}

// Right reports whether a chosen or arranged answer is right. It is false for a written one, which can't be judged.
func (q *Question) Right(given string) bool {
	switch q.Kind {
	case Choice, Several:
		chosen := q.Chosen(given)
		for i, o := range q.Options {
			if o.Right != chosen[i] {
				return false
			}
		}
		return true
	case Order:
		order := q.Arranged(given)
		return order != nil && slices.IsSorted(order)
	}
	return false
}

// Fits reports whether a stored answer fits the question as it is today: its lesson may have been edited since.
func (q *Question) Fits(given string) bool {
	switch q.Kind {
	case Choice, Several:
		return len(q.Chosen(given)) > 0
	case Order:
		return q.Arranged(given) != nil
	}
	return given != ""
}

// Chosen returns the set of options of a stored answer; empty if the answer does not fit.
func (q *Question) Chosen(given string) map[int]bool {
	chosen := map[int]bool{}
	for _, n := range parse(given, len(q.Options)) {
		chosen[n] = true
	}
	return chosen
}

// Arranged returns the lines in the order of a stored answer, or nil if the answer does not fit.
func (q *Question) Arranged(given string) []int {
	order := parse(given, len(q.Lines))
	each := slices.Compact(slices.Sorted(slices.Values(order)))
	if len(order) != len(q.Lines) || len(each) != len(order) {
		return nil
	}
	return order
}

func numbers(list []int) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}

// parse parses the output of numbers; it returns nil unless each number is below n.
func parse(given string, n int) []int {
	var list []int
	for _, part := range strings.Split(given, ",") {
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= n {
			return nil
		}
		list = append(list, i)
	}
	return list
}

package chapter_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"gatehouse.example/apps/academy/chapter"
)

func TestChoose_JudgesOneAndSeveral(t *testing.T) {
	l := load(t, good)
	for _, c := range []struct {
		question string
		options  []string
		given    string
		right    bool
	}{
		{"one", []string{"1"}, "1", true}, {"one", []string{"0"}, "0", false}, {"one", []string{"1", "1"}, "1", true},
		{"some", []string{"1", "0"}, "0,1", true}, {"some", []string{"0"}, "0", false}, {"some", []string{"0", "1", "2"}, "0,1,2", false},
	} {
		q := l.Question(c.question)
		given, err := q.Choose(c.options)
		if err != nil || given != c.given || q.Right(given) != c.right || !q.Fits(given) {
			t.Errorf("%s %v: %q %v %v", c.question, c.options, given, q.Right(given), err)
		}
	}
}

func TestChoose_RefusesWhatIsNoOption(t *testing.T) {
	l := load(t, good)
	for _, options := range [][]string{nil, {"2"}, {"-1"}, {"x"}, {""}, {"0", "1"}, {"99999999999999999999"}} {
		if given, err := l.Question("one").Choose(options); refusal(err) == "" {
			t.Errorf("%v: %q %v", options, given, err)
		}
	}
}

func TestArrange_JudgesAnOrder(t *testing.T) {
	q := load(t, good).Question("flow")
	right, wrong := make([]string, 3), make([]string, 3)
	for i, line := range q.Shown {
		right[i] = strconv.Itoa(line + 1)
		wrong[i] = strconv.Itoa(i + 1) // left as it was shown
	}
	if given, err := q.Arrange(right); err != nil || given != "0,1,2" || !q.Right(given) {
		t.Errorf("the right order: %q %v", given, err)
	}
	if given, err := q.Arrange(wrong); err != nil || q.Right(given) || !q.Fits(given) {
		t.Errorf("another order: %q %v", given, err)
	}
	for _, places := range [][]string{nil, {"1", "2"}, {"1", "1", "2"}, {"0", "1", "2"}, {"1", "2", "4"}, {"a", "b", "c"}, {"1", "2", "3", "4"}} {
		if _, err := q.Arrange(places); refusal(err) == "" {
			t.Errorf("%v: %v", places, err)
		}
	}
}

func TestWrite_TakesTextWithinBounds(t *testing.T) {
	q := load(t, good).Question("draw")
	if given, err := q.Write("  <b>A\r\nB</b>\t\n"); err != nil || given != "<b>A\nB</b>" || q.Right(given) {
		t.Errorf("%q %v", given, err)
	}
	if given, err := q.Write(strings.Repeat("語", chapter.MaxText)); err != nil || len(given) != 3*chapter.MaxText {
		t.Error("the longest one", err)
	}
	for _, text := range []string{"", " \n ", strings.Repeat("語", chapter.MaxText+1), "a\x00b", "a\xffb", "a\u202eb"} {
		if _, err := q.Write(text); refusal(err) == "" {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if given, _ := q.Write("a\x00b"); given != "ab" {
		t.Errorf("%q is kept of it", given)
	}
}

// A lesson may be edited after somebody answered.
func TestFits_OldAnswersOfAnEditedQuestion(t *testing.T) {
	l := load(t, good)
	for question, givens := range map[string][]string{"one": {"", "7", "x", "0,9"}, "flow": {"", "0,1", "0,1,1", "0,1,3", "0,1,2,2"}, "draw": {""}} {
		for _, given := range givens {
			if q := l.Question(question); q.Fits(given) || q.Right(given) {
				t.Errorf("%s: %q fits", question, given)
			}
		}
	}
}

func refusal(err error) chapter.Refusal {
	var r chapter.Refusal
	errors.As(err, &r)
	return r
}

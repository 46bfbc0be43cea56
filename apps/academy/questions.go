package academy

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
)

// questionView is a question with the reader's answer.
type questionView struct {
	Lesson *chapter.Lesson
	Q      *chapter.Question
	Number int // in the lesson, from 1
	Guest  bool
	Answer *store.Answer // the stored answer, if it fits the question
	Chosen map[int]bool  // ticked options
	Lines  []placed      // of an order, as arranged
	Text   string        // as typed
	Fault  string        // why the answer was rejected
	Kept   bool          // the form was filled in before the sign-in and has not been sent yet
	Fresh  bool          // the answer was just sent: move the focus to the verdict
}

// placed is a line of an order at its current position.
type placed struct {
	Shown int // index in Shown, which is part of the field's name
	HTML  string
	Place string // chosen position, from 1
	Right bool   // is at its right position in the stored answer
}

func newQuestionView(l *chapter.Lesson, q *chapter.Question, answers map[string]store.Answer, guest bool) questionView {
	v := questionView{Lesson: l, Q: q, Guest: guest, Chosen: map[int]bool{}, Number: 1 + slices.Index(l.Questions, q)}
	if a, ok := answers[q.ID]; ok && q.Fits(a.Given) {
		v.Answer = &a
	}
	given := ""
	if v.Answer != nil {
		given = v.Answer.Given
	}
	switch q.Kind {
	case chapter.Choice, chapter.Several:
		v.Chosen = q.Chosen(given)
	case chapter.Order:
		v.Lines = arranged(q, given)
	default:
		v.Text = given
	}
	return v
}

// arranged returns the lines of an order as answered, or in their initial arrangement.
func arranged(q *chapter.Question, given string) []placed {
	order := q.Arranged(given)
	if order == nil {
		order = q.Shown
	}
	lines := make([]placed, len(order))
	for i, n := range order {
		lines[i] = placed{Shown: slices.Index(q.Shown, n), HTML: q.Lines[n], Place: strconv.Itoa(i + 1), Right: given != "" && n == i}
	}
	return lines
}

// fillIn fills the form with the values that were sent, even if they are no valid answer.
func (v *questionView) fillIn(form url.Values) {
	switch v.Q.Kind {
	case chapter.Choice, chapter.Several:
		v.Chosen = map[int]bool{}
		for _, o := range form["option"] {
			if n, err := strconv.Atoi(o); err == nil && n >= 0 && n < len(v.Q.Options) {
				v.Chosen[n] = true
			}
		}
	case chapter.Order:
		for i := range v.Lines {
			if place := form.Get(placeField(v.Lines[i].Shown)); place != "" {
				v.Lines[i].Place = place
			}
		}
	default:
		v.Text = form.Get("text")
	}
}

// readAnswer returns the answer in a form in stored form, or a chapter.Refusal.
func readAnswer(q *chapter.Question, form url.Values) (given string, err error) {
	switch q.Kind {
	case chapter.Choice, chapter.Several:
		return q.Choose(form["option"])
	case chapter.Order:
		places := make([]string, len(q.Shown))
		for i := range places {
			places[i] = form.Get(placeField(i))
		}
		return q.Arrange(places)
	}
	return q.Write(form.Get("text"))
}

// placeField returns the name of the position field of a line, by its index in Shown.
func placeField(shown int) string { return "place-" + strconv.Itoa(shown) }

// places returns the options of a position field.
func (v questionView) places() []components.Option {
	list := make([]components.Option, len(v.Lines))
	for i := range list {
		n := strconv.Itoa(i + 1)
		list[i] = components.Option{Value: n, Label: n}
	}
	return list
}

// right reports whether the stored answer is right.
func (v questionView) right() bool { return v.Answer != nil && v.Q.Right(v.Answer.Given) }

// anchor returns the ID of the question's element, which is also the prefix of its fields' IDs.
func (v questionView) anchor() string { return questionAnchor(v.Q) }

// send returns the label of the button.
func (v questionView) send() string {
	switch {
	case v.Answer != nil && v.Q.Text():
		return "Save the new answer"
	case v.Answer != nil:
		return "Answer again"
	case v.Q.Text():
		return "Save and compare"
	}
	return "Answer"
}

// title returns the question's heading.
func (v questionView) title() string {
	kind := map[string]string{chapter.Exercise: "Exercise", chapter.Interview: "Interview question"}[v.Q.Kind]
	if kind == "" {
		kind = "Question"
	}
	if len(v.Lesson.Questions) == 1 {
		return kind
	}
	return fmt.Sprintf("%s %d of %d", kind, v.Number, len(v.Lesson.Questions))
}

// verdict returns the verdict on the stored answer.
func (v questionView) verdict() string {
	switch {
	case v.Q.Text():
		return "Your answer is saved. Compare it with the model answer."
	case v.right() && v.Answer.Tries == 1:
		return "Right on the first try."
	case v.right():
		return "Right."
	case v.Q.Kind == chapter.Several:
		return "Not quite. Compare your answer with the right one."
	case v.Q.Kind == chapter.Order:
		n := 0
		for _, l := range arranged(v.Q, v.Answer.Given) {
			if l.Right {
				n++
			}
		}
		return fmt.Sprintf("Not quite. %d of %d lines are in the right place.", n, len(v.Q.Lines))
	}
	return "Wrong. Try again."
}

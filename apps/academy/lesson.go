package academy

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// lessonView is the page of a lesson.
type lessonView struct {
	Shell    components.Shell
	Chapter  *chapter.Chapter
	Lesson   *chapter.Lesson
	Progress progress
	Blocks   []blockView
}

// blockView is a block of a lesson with the reader's data.
type blockView struct {
	chapter.Block
	Ask  questionView   // of a question
	Card experimentCard // of an experiment
}

// experimentCard is an experiment in its lesson, with the reader's last findings.
type experimentCard struct {
	Title, Lead, URL string
	Roles            []string // that may start it; none: all signed-in users
	Done             bool
	At               time.Time // of the last result; zero for none
	Found            []lab.Finding
	measured         lab.Findings // the findings by name
	Step, Steps      int          // progress in the guided path, if not done
}

func (a *App) lesson(c echo.Context) error {
	l, err := a.findLesson(c)
	if err != nil {
		return err
	}
	draft := rp.Draft(c.Request())
	return a.showLesson(c, http.StatusOK, l, func(v *questionView) {
		if draft.Has("question") && draft.Get("question") == v.Q.ID {
			v.fillIn(draft)
			v.Kept = true
		}
	}, draftToasts(draft)...)
}

// draftToasts returns messages about a form that the user sent before signing in.
func draftToasts(draft url.Values) []components.Toast {
	switch {
	case draft.Has("question"):
		return []components.Toast{{Kind: "info", Message: "You're signed in. Your answer is in the form, but hasn't been submitted yet."}}
	case draft.Has("done"):
		return []components.Toast{{Kind: "info", Message: "You're signed in. This lesson hasn't been marked as finished yet. Please finish it again."}}
	}
	return nil
}

// showLesson renders a lesson; change modifies its questions.
func (a *App) showLesson(c echo.Context, status int, l *chapter.Lesson, change func(*questionView), toasts ...components.Toast) error {
	p, err := a.progress(c.Request().Context(), apps.Subject(c))
	if err != nil {
		return err
	}
	v := lessonView{Shell: shell(c, l.Title, "/"), Chapter: a.chapter, Lesson: l, Progress: p}
	v.Shell.Description = l.Summary
	v.Shell.Path = lessonURL(l)
	v.Shell.Toasts = append(v.Shell.Toasts, toasts...)
	for _, b := range l.Blocks {
		bv := blockView{Block: b}
		switch b.Kind {
		case chapter.Ask:
			bv.Ask = newQuestionView(l, b.Question, p.Answers[l.Slug], p.Guest)
			change(&bv.Ask)
		case chapter.Experiment:
			if bv.Card, err = a.card(c, b); err != nil {
				return err
			}
		}
		v.Blocks = append(v.Blocks, bv)
	}
	return web.Render(c, status, lessonPage(v))
}

// card returns an experiment with the reader's last result.
func (a *App) card(c echo.Context, b chapter.Block) (experimentCard, error) {
	if b.Name == estateExperiment {
		return experimentCard{Title: estateEntry.Title, URL: estateEntry.URL, Roles: estateEntry.Roles, Lead: estateEntry.Lead}, nil
	}
	e, _ := a.experiment(b.Name)
	card := experimentCard{Title: e.Title, Lead: e.Lead, URL: experimentURL(e.Name, lab.Guided, b.Setup), Roles: e.Roles, Steps: len(e.Steps)}
	sub := apps.Subject(c)
	if sub == "" {
		return card, nil
	}
	last, err := a.store.LastResult(c.Request().Context(), sub, b.Name)
	if errors.Is(err, store.ErrNotFound) {
		return card, nil
	}
	if err != nil {
		return card, err
	}
	card.Done, card.At, card.Step = last.Done, db.Time(last.At), last.Step
	card.measured = measured(last)
	card.Found = inOrder(e, card.measured)
	return card, nil
}

// measured returns the findings of a result.
func measured(r store.Result) lab.Findings {
	var found lab.Findings
	if r.Findings != "" && json.Unmarshal([]byte(r.Findings), &found) == nil {
		return found
	}
	var s lab.State
	if r.State != "" && json.Unmarshal([]byte(r.State), &s) == nil {
		return s.Findings
	}
	return nil
}

// inOrder returns the findings in the order in which the guided path mentions them, then the others by name.
func inOrder(e lab.Experiment, found lab.Findings) []lab.Finding {
	var names []string
	for _, s := range e.Steps {
		for _, m := range placeholder.FindAllStringSubmatch(s.Result, -1) {
			if !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	var rest []string
	for name := range found {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	var list []lab.Finding
	for _, name := range append(names, rest...) {
		if found.Has(name) {
			list = append(list, found[name])
		}
	}
	return list
}

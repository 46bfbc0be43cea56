package academy

import (
	"net/http"
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

// finishView is the page at the end of the chapter, for printing.
type finishView struct {
	Shell       components.Shell
	Name        string
	Chapter     *chapter.Chapter
	Progress    progress
	Totals      totals
	Missing     []*chapter.Lesson // not done yet; then there is nothing to print
	Finished    time.Time         // when the last lesson was done
	Experiments []finished
	Answers     []answered
}

// finished is an experiment with the user's findings.
type finished struct {
	Title string
	Done  time.Time // zero if it was not finished
	Found []lab.Finding
}

// answered is a lesson with its answered questions.
type answered struct {
	Lesson *chapter.Lesson
	Asked  []questionView
}

func (a *App) finish(c echo.Context) error {
	p, err := a.progress(c.Request().Context(), apps.Subject(c))
	if err != nil {
		return err
	}
	v := finishView{Shell: shell(c, "Finish this chapter", "/"), Name: rp.From(c.Request()).Name, Chapter: a.chapter, Progress: p, Totals: p.totals(a.chapter)}
	for _, l := range a.chapter.Lessons {
		if !p.done(l) {
			v.Missing = append(v.Missing, l)
		}
		if t := p.Lessons[l.Slug]; t.After(v.Finished) {
			v.Finished = t
		}
		v.Experiments = append(v.Experiments, a.finishedOf(p, l)...)
		if asked := answeredOf(p, l); len(asked.Asked) > 0 {
			v.Answers = append(v.Answers, asked)
		}
	}
	return web.Render(c, http.StatusOK, finishPage(v))
}

// finishedOf returns the experiments of a lesson, with the findings of the time when they were finished.
func (a *App) finishedOf(p progress, l *chapter.Lesson) (list []finished) {
	for _, name := range experimentsOf(l) {
		e, _ := a.experiment(name)
		f := finished{Title: e.Title}
		if d, ok := p.Experiments[name]; ok {
			f.Done, f.Found = db.Time(d.DoneAt), inOrder(e, measured(store.Result{Findings: d.Findings}))
		}
		list = append(list, f)
	}
	return list
}

func answeredOf(p progress, l *chapter.Lesson) answered {
	a := answered{Lesson: l}
	for _, q := range l.Questions {
		if v := newQuestionView(l, q, p.Answers[l.Slug], false); v.Answer != nil {
			a.Asked = append(a.Asked, v)
		}
	}
	return a
}

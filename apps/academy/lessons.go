package academy

import (
	"fmt"
	"slices"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/diagram"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// estateExperiment is the name of the page of this installation's replicas. Lessons refer to it like an experiment,
// but it runs in no lab process.
const estateExperiment = "whole-estate"

// estatePage is the address of that page.
const estatePage = "/estate"

// readLessons loads the chapter. It logs lessons that can't be read, with file and line, and leaves them out.
func (a *App) readLessons() {
	lessons, faults := chapter.Load(chapter.Options{
		Files: chapter.Content(), Dir: a.Lessons, Diagrams: diagram.Names(), Experiment: a.checkSetup,
	})
	for _, f := range faults {
		a.Logger.Warn("cannot read a lesson, which is left out: " + f.String())
	}
	a.chapter = lessons
}

// checkSetup returns an error if an experiment that a lesson names does not exist or its setup is invalid.
func (a *App) checkSetup(name string, setup map[string]string) error {
	if name == estateExperiment {
		if len(setup) > 0 {
			return fmt.Errorf("%s has no set-up", name)
		}
		return nil
	}
	e, there := a.experiment(name)
	if !there {
		return fmt.Errorf("there is no experiment %q", name)
	}
	for key := range setup {
		if !slices.ContainsFunc(e.Params, func(p lab.Param) bool { return p.Name == key }) {
			return fmt.Errorf("%s has no %q in its set-up", name, key)
		}
	}
	if _, err := e.Fill(setup); err != nil {
		return err
	}
	return nil
}

// findLesson returns the lesson of the address, or a not-found error.
func (a *App) findLesson(c echo.Context) (*chapter.Lesson, error) {
	l := a.chapter.Lesson(c.Param("lesson"))
	if l == nil {
		return nil, web.NotFound("This lesson")
	}
	return l, nil
}

// noteLearner stores the user's name. It requires a signed-in user (Required).
func (a *App) noteLearner(c echo.Context) error {
	p := rp.From(c.Request())
	name := p.Name
	if name == "" {
		name = "Learner"
	}
	return a.store.SeeLearner(c.Request().Context(), p.Subject, name, a.Now())
}

func lessonURL(l *chapter.Lesson) string { return "/lessons/" + l.Slug }

func questionURL(l *chapter.Lesson, q *chapter.Question) string {
	return lessonURL(l) + "/answers/" + q.ID
}

// questionAnchor returns the ID of a question's element in its lesson's page.
func questionAnchor(q *chapter.Question) string { return "q-" + q.ID }

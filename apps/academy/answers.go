package academy

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/web"
)

// answer handles POST /lessons/:lesson/answers/:question: it judges the answer and stores it. An answer that the
// question does not accept is shown again with the reason.
func (a *App) answer(c echo.Context) error {
	l, err := a.findLesson(c)
	if err != nil {
		return err
	}
	q := l.Question(c.Param("question"))
	if q == nil {
		return web.NotFound("This question")
	}
	form, err := c.FormParams()
	if err != nil {
		return web.Fail(http.StatusBadRequest, "bad_form", "The submitted form can't be read.").WithCause(err)
	}
	given, err := readAnswer(q, form)
	if refused := chapter.Refusal(""); errors.As(err, &refused) {
		if q.Text() && given != "" {
			form.Set("text", given)
		}
		return a.showRefused(c, l, q, form, string(refused))
	}
	if err != nil {
		return err
	}
	if err := a.noteLearner(c); err != nil {
		return err
	}
	stored, err := a.store.PutAnswer(c.Request().Context(), store.Answer{
		Sub: apps.Subject(c), Lesson: l.Slug, Question: q.ID, Given: given,
		Correct: store.Verdict{Bool: q.Right(given), Valid: !q.Text()},
	}, a.Now())
	if err != nil {
		return err
	}
	if web.WantsFragment(c) {
		v := newQuestionView(l, q, map[string]store.Answer{q.ID: stored}, false)
		v.Fresh = true
		return web.Render(c, http.StatusOK, questionBody(v), questionBody(v))
	}
	return web.SeeOther(c, lessonURL(l)+"#"+questionAnchor(q))
}

// showRefused renders the question again with the rejected answer and the reason.
func (a *App) showRefused(c echo.Context, l *chapter.Lesson, q *chapter.Question, form map[string][]string, why string) error {
	if web.WantsFragment(c) {
		answers, err := a.store.LessonAnswers(c.Request().Context(), apps.Subject(c), l.Slug)
		if err != nil {
			return err
		}
		v := newQuestionView(l, q, answers, false)
		v.fillIn(form)
		v.Fault = why
		return web.Render(c, http.StatusUnprocessableEntity, questionBody(v), questionBody(v))
	}
	return a.showLesson(c, http.StatusUnprocessableEntity, l, func(v *questionView) {
		if v.Q == q {
			v.fillIn(form)
			v.Fault = why
		}
	})
}

// backToLesson redirects a GET of a form's target address to its lesson.
func (a *App) backToLesson(c echo.Context) error {
	l, err := a.findLesson(c)
	if err != nil {
		return err
	}
	if q := l.Question(c.Param("question")); q != nil {
		return web.SeeOther(c, lessonURL(l)+"#"+questionAnchor(q))
	}
	return web.SeeOther(c, lessonURL(l))
}

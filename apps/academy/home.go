package academy

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// chapterTitle is the title of the chapter.
const chapterTitle = "Scaling Authentication Systems"

// homeView is the table of contents.
type homeView struct {
	Shell    components.Shell
	Chapter  *chapter.Chapter
	Progress progress
	Totals   totals
	Where    *chapter.Lesson // to continue with; nil if all are done
}

func (a *App) home(c echo.Context) error {
	p, err := a.progress(c.Request().Context(), apps.Subject(c))
	if err != nil {
		return err
	}
	v := homeView{Shell: shell(c, "Academy", "/"), Chapter: a.chapter, Progress: p, Totals: p.totals(a.chapter), Where: p.nextLesson(a.chapter)}
	v.Shell.Description = "A chapter on scaling authentication, as a place where you try it: lessons, questions and experiments on real servers."
	return web.Render(c, http.StatusOK, homePage(v))
}

// begin returns the label of the button that leads to the next lesson.
func (v homeView) begin() string {
	if v.Progress.begun() {
		return "Continue where you left off"
	}
	return "Begin"
}

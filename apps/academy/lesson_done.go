package academy

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/web"
)

// finishLesson handles POST /lessons/:lesson/done: it marks a lesson as done and redirects to the next one, or marks
// it as not done. It is idempotent.
func (a *App) finishLesson(c echo.Context) error {
	l, err := a.findLesson(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := a.noteLearner(c); err != nil {
		return err
	}
	switch c.FormValue("done") {
	case "no":
		if err := a.store.ReopenLesson(ctx, apps.Subject(c), l.Slug); err != nil {
			return err
		}
		return web.SeeOther(c, lessonURL(l)+"#end")
	case "yes":
		if err := a.store.FinishLesson(ctx, apps.Subject(c), l.Slug, a.Now()); err != nil {
			return err
		}
		web.Flash(c, "success", "“"+l.Title+"” is done.")
		if l.Next == nil {
			return web.SeeOther(c, "/finish")
		}
		return web.SeeOther(c, lessonURL(l.Next))
	}
	return web.Fail(http.StatusBadRequest, "bad_form", "done must be yes or no.")
}

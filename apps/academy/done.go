package academy

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse/web"
)

// finishLesson says that the reader is done with a lesson and leads to the next, or takes
// that back. Said twice it is the same.
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
		if err := a.store.ReopenLesson(ctx, subject(c), l.Slug); err != nil {
			return err
		}
		return web.SeeOther(c, lessonURL(l)+"#end")
	case "yes":
		if err := a.store.FinishLesson(ctx, subject(c), l.Slug, a.Now()); err != nil {
			return err
		}
		web.Flash(c, "success", "“"+l.Title+"” is done.")
		if l.Next == nil {
			return web.SeeOther(c, "/finish")
		}
		return web.SeeOther(c, lessonURL(l.Next))
	}
	return web.Fail(http.StatusBadRequest, "bad_form", "A lesson is either done or it is not.")
}

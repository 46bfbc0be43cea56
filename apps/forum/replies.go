package forum

import (
	"errors"
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/web"
)

func (a *App) createReply(c echo.Context) error {
	d, err := readDraft(c)
	if err != nil {
		return err
	}
	t, err := a.findThread(c)
	if err != nil {
		return err
	}
	if !d.checkBody() {
		return a.showThread(c, http.StatusUnprocessableEntity, t, maxPage, d)
	}
	p, err := a.store.CreateReply(c.Request().Context(), store.NewReply{
		Thread: t.ID, Source: d.Body, Refs: references(d.Body), Author: author(c), FormKey: d.Key, At: a.Now(),
	})
	switch {
	case d.addRateLimitFault(c, err):
		return a.showThread(c, http.StatusTooManyRequests, t, maxPage, d)
	case errors.Is(err, store.ErrLocked):
		t.LockedAt = store.Stamp(a.Now().UnixMilli()) // it may have been locked after findThread
		d.addFault("body", "This thread is locked, so your reply wasn't posted. Copy the text if you want to use it elsewhere.")
		return a.showThread(c, http.StatusConflict, t, maxPage, d)
	case errors.Is(err, store.ErrRemoved):
		return a.goneThread(c, t.ID)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This thread")
	case err != nil:
		return err
	}
	a.relay.Notify()
	web.Flash(c, "success", "Your reply has been posted.")
	return web.SeeOther(c, postURL(p))
}

// goneThread returns the error for a thread that was removed after the request had begun.
func (a *App) goneThread(c echo.Context, thread string) error {
	opening, err := a.store.Opening(c.Request().Context(), thread)
	if err != nil {
		return err
	}
	return removedThread(opening)
}

func (a *App) previewReply(c echo.Context, d *draft) error {
	t, err := a.findThread(c)
	if err != nil {
		return err
	}
	return a.showThread(c, http.StatusOK, t, maxPage, d)
}

// preview returns a handler that shows a submitted draft with a preview: for htmx the preview alone, otherwise the page
// that show renders.
func (a *App) preview(show func(c echo.Context, d *draft) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		d, err := readDraft(c)
		if err != nil {
			return err
		}
		d.Preview = true
		if err := a.findLinked(c.Request().Context(), d); err != nil {
			return err
		}
		if web.WantsFragment(c) {
			return web.Render(c, http.StatusOK, previewBody(d))
		}
		return show(c, d)
	}
}

// previewBody renders a draft's body, or says why it cannot be posted. It does not use the cache, because the text may
// never be posted.
func previewBody(d *draft) templ.Component {
	if d.Body == "" {
		return previewBox("", "There is nothing to preview yet.")
	}
	d.checkBody()
	if fault := d.faultOf("body"); fault != "" {
		return previewBox("", fault)
	}
	return previewBox(markdown.HTML(d.Body, d.Linked...), "")
}

// redirectToForm redirects a GET of a form's action URL to the page that has the form. It uses the escaped path: the
// unescaped one could contain characters that are not allowed in a header.
func (a *App) redirectToForm(c echo.Context) error {
	path := c.Request().URL.EscapedPath()
	return web.SeeOther(c, path[:strings.LastIndexByte(path, '/')])
}

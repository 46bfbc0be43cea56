package forum

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// editView is the data of the form that edits a post.
type editView struct {
	Shell    components.Shell
	Thread   store.Thread
	Post     store.Post // as stored
	Draft    *draft
	Conflict bool // the stored text is newer than the one that the draft is based on
}

// editable returns the post that the path names, and its thread. It returns a 403 error if the post is another user's,
// and a 410 error if a moderator removed it.
func (a *App) editable(c echo.Context) (store.Post, store.Thread, error) {
	p, err := a.findPost(c)
	if err != nil {
		return p, store.Thread{}, err
	}
	if p.AuthorSub != apps.Subject(c) {
		return p, store.Thread{}, web.Forbidden("You can only edit your own posts.")
	}
	t, err := a.store.Thread(c.Request().Context(), p.Thread)
	switch {
	case err != nil:
		return p, t, err
	case p.RemovedAt.Set() || t.RemovedAt.Set():
		return p, t, removedPost(p)
	}
	return p, t, nil
}

func (a *App) editForm(c echo.Context) error {
	p, t, err := a.editable(c)
	if err != nil {
		return err
	}
	d := restoredDraft(c)
	if d.Body == "" {
		d.Title, d.Body, d.Version = t.Title, p.Source, p.Version
	}
	return a.showEdit(c, http.StatusOK, p, t, d, false)
}

func (a *App) previewEdit(c echo.Context, d *draft) error {
	p, t, err := a.editable(c)
	if err != nil {
		return err
	}
	return a.showEdit(c, http.StatusOK, p, t, d, false)
}

func (a *App) saveEdit(c echo.Context) error {
	d, err := readDraft(c)
	if err != nil {
		return err
	}
	p, t, err := a.editable(c)
	if err != nil {
		return err
	}
	if p.Number == 1 {
		d.checkTitle()
	}
	if !d.checkBody() {
		return a.showEdit(c, http.StatusUnprocessableEntity, p, t, d, false)
	}
	saved, err := a.store.EditPost(c.Request().Context(), store.Edit{
		Post: p.ID, Author: apps.Subject(c), Version: d.Version, Title: d.Title, Source: d.Body, Refs: references(d.Body), At: a.Now(),
	})
	switch {
	case d.addRateLimitFault(c, err):
		return a.showEdit(c, http.StatusTooManyRequests, p, t, d, false)
	case errors.Is(err, store.ErrConflict):
		return a.showConflict(c, d)
	case errors.Is(err, store.ErrLocked):
		t.LockedAt = store.Stamp(a.Now().UnixMilli())
		d.addFault("body", "A moderator locked this thread, so your changes weren't saved. Copy the text if you want to use it elsewhere.")
		return a.showEdit(c, http.StatusConflict, p, t, d, false)
	case errors.Is(err, store.ErrRemoved):
		return removedPost(p)
	case errors.Is(err, store.ErrNotAuthor):
		return web.Forbidden("You can only edit your own posts.")
	case err != nil:
		return err
	}
	web.Flash(c, "success", "Your changes have been saved.")
	return web.SeeOther(c, postURL(saved))
}

// showConflict shows the newer stored text above the form with the user's draft. It sets the draft's version to the
// newer one, so that sending the form again replaces that text.
func (a *App) showConflict(c echo.Context, d *draft) error {
	p, t, err := a.editable(c)
	if err != nil {
		return err
	}
	d.Version = p.Version
	return a.showEdit(c, http.StatusConflict, p, t, d, true)
}

func (a *App) showEdit(c echo.Context, status int, p store.Post, t store.Thread, d *draft, conflict bool) error {
	v := editView{Shell: a.shell(c, "Edit your post", "/posts/"+p.ID+"/edit"), Thread: t, Post: p, Draft: d, Conflict: conflict}
	v.Shell.Toasts = d.withToast(v.Shell.Toasts)
	return web.Render(c, status, editPage(v))
}

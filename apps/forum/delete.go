package forum

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// deleteView is the data of the page that asks whether to delete a post.
type deleteView struct {
	Shell  components.Shell
	Thread store.Thread
	Post   store.Post
	HTML   string
}

// deleteForm handles GET /posts/:post/delete: asks for confirmation.
func (a *App) deleteForm(c echo.Context) error {
	p, t, err := a.editable(c)
	if err != nil {
		return err
	}
	if t.LockedAt.Set() {
		return lockedThread()
	}
	return web.Render(c, http.StatusOK, deletePage(deleteView{
		Shell: a.shell(c, "Delete your post", "/posts/"+p.ID+"/delete"), Thread: t, Post: p, HTML: a.html.HTML(p.Source, p.Mentions),
	}))
}

// deletePost handles POST /posts/:post/delete. The post's place then offers to take it back.
func (a *App) deletePost(c echo.Context) error {
	p, err := a.findPost(c)
	if err != nil {
		return err
	}
	p, err = a.store.DeletePost(c.Request().Context(), p.ID, apps.Subject(c), a.Now())
	if err != nil {
		return deletionError(p, err)
	}
	web.Flash(c, "success", "Your post was deleted. You can undo this for 10 minutes.")
	return web.SeeOther(c, postURL(p))
}

// undeletePost handles POST /posts/:post/undelete: takes a deletion back.
func (a *App) undeletePost(c echo.Context) error {
	p, err := a.findPost(c)
	if err != nil {
		return err
	}
	p, err = a.store.UndeletePost(c.Request().Context(), p.ID, apps.Subject(c), a.Now())
	if err != nil {
		return deletionError(p, err)
	}
	web.Flash(c, "success", "Your post is back.")
	return web.SeeOther(c, postURL(p))
}

// deletionError returns the error to show for an error of the store.
func deletionError(p store.Post, err error) error {
	limit := (*db.RateLimitError)(nil)
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many", "You're changing posts too often. Try again in %s.", limit.Wait)
	case errors.Is(err, store.ErrNotAuthor):
		return web.Forbidden("You can only delete your own posts.")
	case errors.Is(err, store.ErrLocked):
		return lockedThread()
	case errors.Is(err, store.ErrTooLate):
		return web.Fail(http.StatusGone, "too_late", "The 10 minutes to undo the deletion are over. You can post your text again.")
	case errors.Is(err, store.ErrRemoved):
		return removedPost(p)
	}
	return apps.NotFound(err, "This post")
}

func lockedThread() error {
	return web.Fail(http.StatusConflict, "locked", "A moderator locked this thread, so its posts can't be deleted.").WithTitle("This thread is locked")
}

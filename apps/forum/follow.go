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

// followingView is the data of the page with the threads that the user follows.
type followingView struct {
	Shell components.Shell
	List  listView
	Pages components.Pages
}

// following handles GET /following: shows the threads that the user follows.
func (a *App) following(c echo.Context) error {
	const path = "/following"
	ctx := c.Request().Context()
	list, err := a.store.Followed(ctx, apps.Subject(c), web.Int(c, "page", 1, 1, maxPage))
	if err != nil {
		return err
	}
	boards, err := a.store.Boards(ctx)
	if err != nil {
		return err
	}
	read, err := a.readThreads(c, list)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, followingPage(followingView{Shell: a.shell(c, "Following", path),
		List: listView{List: list, Boards: bySlug(boards), Read: read}, Pages: pagesOf(path, list.Page, list.Total)}))
}

// follow handles POST /t/:thread/follow: follows the thread (follow=1), or no longer (follow=0).
func (a *App) follow(c echo.Context) error {
	t, err := a.findThread(c)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	value := form["follow"]
	if err != nil || len(value) != 1 || value[0] != "1" && value[0] != "0" {
		return web.Fail(http.StatusBadRequest, "bad_value", "follow must be 1 or 0.")
	}
	err = a.store.Follow(c.Request().Context(), apps.Subject(c), t.ID, value[0] == "1", a.Now())
	limit := (*db.RateLimitError)(nil)
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many", "You're following threads too often. Try again in %s.", limit.Wait)
	case errors.Is(err, store.ErrFollows):
		return web.Invalid("You follow 100 threads, which is the limit. Stop following one of them first.")
	case errors.Is(err, store.ErrRemoved):
		return a.goneThread(c, t.ID)
	case err != nil:
		return apps.NotFound(err, "This thread")
	}
	if value[0] == "1" {
		web.Flash(c, "success", "You follow this thread. New replies are counted at Following.")
	} else {
		web.Flash(c, "success", "You no longer follow this thread.")
	}
	return web.SeeOther(c, threadURL(t.ID, 1, 0))
}

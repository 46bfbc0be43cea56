package forum

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// vote handles POST /posts/:post/vote: adds the user's vote (value 1) or takes it back (value 0).
func (a *App) vote(c echo.Context) error {
	p, err := a.findPost(c)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	value := form["value"]
	if err != nil || len(value) != 1 || value[0] != "1" && value[0] != "0" {
		return web.Fail(http.StatusBadRequest, "bad_vote", "value must be 1 or 0.")
	}
	up := value[0] == "1"
	votes, err := a.store.Vote(c.Request().Context(), p.ID, apps.Subject(c), up, a.Now())
	limit := (*db.RateLimitError)(nil)
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many", "You're voting too often. Try again in %s.", limit.Wait)
	case errors.Is(err, store.ErrOwnPost):
		return web.Forbidden("You can't vote for your own posts.")
	case errors.Is(err, store.ErrRemoved):
		return removedPost(p)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This post")
	case err != nil:
		return err
	}
	a.relay.Notify()
	if web.WantsFragment(c) {
		p.Votes = votes
		box := voteBox(postView{Post: p, Voted: up})
		return web.Render(c, http.StatusOK, box, box)
	}
	return web.SeeOther(c, postURL(p))
}

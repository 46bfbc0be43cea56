package forum

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// acceptAnswer handles POST /posts/:post/accept: accepts the reply as the answer of its thread (accept=1), or takes
// that back (accept=0).
func (a *App) acceptAnswer(c echo.Context) error {
	p, err := a.findPost(c)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	value := form["accept"]
	if err != nil || len(value) != 1 || value[0] != "1" && value[0] != "0" {
		return web.Fail(http.StatusBadRequest, "bad_value", "accept must be 1 or 0.")
	}
	accepted := value[0] == "1"
	p, err = a.store.Accept(c.Request().Context(), store.Acceptance{
		Post: p.ID, By: apps.Subject(c), Name: author(c).Name, Moderator: isModerator(c), Accepted: accepted, At: a.Now(),
	})
	limit := (*db.RateLimitError)(nil)
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many", "You're changing answers too often. Try again in %s.", limit.Wait)
	case errors.Is(err, store.ErrNotAuthor):
		return web.Forbidden("Only the author of the thread or a moderator can choose its answer.")
	case errors.Is(err, store.ErrNotReply):
		return web.Invalid("The opening post can't be the answer. Choose a reply.")
	case errors.Is(err, store.ErrRemoved):
		return web.Fail(http.StatusGone, "removed", "This reply or its thread was removed, so it can't be the answer.")
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This post")
	case err != nil:
		return err
	}
	if accepted {
		web.Flash(c, "success", "This reply is now the accepted answer.")
	} else {
		web.Flash(c, "success", "The thread has no accepted answer now.")
	}
	return web.SeeOther(c, postURL(p))
}

// acceptedAnswer returns the accepted answer of t if it is to be shown below the opening post: on the first page,
// unless it is there already, as the first reply.
func (a *App) acceptedAnswer(ctx context.Context, t store.Thread, posts []store.Post, page int) (*store.Post, error) {
	if t.Accepted == "" || page != 1 {
		return nil, nil
	}
	if i := slices.IndexFunc(posts, func(p store.Post) bool { return p.ID == t.Accepted }); i == 1 {
		return nil, nil
	} else if i > 1 {
		return &posts[i], nil
	}
	p, err := a.store.Post(ctx, t.Accepted)
	if err != nil || p.RemovedAt.Set() {
		return nil, err
	}
	return &p, nil
}

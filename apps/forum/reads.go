package forum

import (
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
)

// readThreads returns how far the user has read the threads of a list: by thread id, the number of the last post.
func (a *App) readThreads(c echo.Context, l store.List) (map[string]int, error) {
	ids := make([]string, len(l.Threads))
	for i, t := range l.Threads {
		ids[i] = t.ID
	}
	return a.store.Reads(c.Request().Context(), apps.Subject(c), ids...)
}

// markRead stores that the user has seen these posts of a thread, of which the user had read those up to the number
// last. If that fails, it logs the error: the page is shown all the same.
func (a *App) markRead(c echo.Context, t store.Thread, posts []store.Post, last int) {
	sub, number := apps.Subject(c), 0
	for _, p := range posts {
		number = max(number, p.Number)
	}
	if sub == "" || number <= last {
		return
	}
	ctx := c.Request().Context()
	if err := a.store.MarkRead(ctx, sub, t.ID, number, a.Now()); err != nil {
		a.Logger.WarnContext(ctx, "cannot store how far a thread was read", "thread", t.ID, "error", err)
	}
}

// unread returns how many posts of a listed thread are newer than the last one that the user has read, or 0 if the user
// has not read the thread.
func (l listView) unread(t store.Thread) int {
	if l.Read[t.ID] == 0 {
		return 0
	}
	return max(0, t.LastNumber-l.Read[t.ID])
}

// firstUnread returns the URL of the post after the last one that the user has read.
func firstUnread(t store.Thread, unread int) string {
	return postURL(store.Post{Thread: t.ID, Number: t.LastNumber - unread + 1})
}

package forum

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// mineView is the data of the page with the user's own posts.
type mineView struct {
	Shell components.Shell
	Posts []minePost
	Total int
	Pages components.Pages

	Public string // URL of the page that others see, "" if there is none yet
}

type minePost struct {
	store.Post
	Title, Excerpt   string
	Answer, Verified bool // the accepted answer of its thread; its author bought the product that the thread is about
}

func (a *App) mine(c echo.Context) error {
	ctx := c.Request().Context()
	posts, total, page, err := a.store.PostsBy(ctx, apps.Subject(c), web.Int(c, "page", 1, 1, maxPage))
	if err != nil {
		return err
	}
	ids := make([]string, len(posts))
	for i, p := range posts {
		ids[i] = p.Thread
	}
	titles, err := a.store.Titles(ctx, ids)
	if err != nil {
		return err
	}
	v := mineView{Shell: a.shell(c, "My posts", "/mine"), Total: total, Pages: pagesOf("/mine", page, total)}
	if total > 0 {
		v.Public = memberURL(apps.Subject(c))
	}
	for _, p := range posts {
		v.Posts = append(v.Posts, minePost{Post: p, Title: titles[p.Thread], Excerpt: excerpt(markdown.Text(p.Source), "")[0]})
	}
	return web.Render(c, http.StatusOK, minePage(v))
}

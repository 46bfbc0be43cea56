package forum

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// memberView is the data of the public page of a person.
type memberView struct {
	Shell    components.Shell
	Member   store.Member
	Handle   string // "" for none yet
	Posts    []minePost
	Total    int
	Pages    components.Pages
	NoBadges bool // the shop could not tell what the person bought
}

// subForm matches the subs of people. Those of apps contain a colon; apps have no page.
var subForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$`)

// memberURL returns the URL of the public page of a person, or "" if the sub is that of an app.
func memberURL(sub string) string {
	if !subForm.MatchString(sub) {
		return ""
	}
	return "/u/" + sub
}

// member handles GET /u/:person: shows a person's name and posts. It redirects the address with the handle to the one
// with the sub.
func (a *App) member(c echo.Context) error {
	ctx, path := c.Request().Context(), memberURL(c.Param("person"))
	if handle, ok := strings.CutPrefix(c.Param("person"), "@"); ok && validSlug(handle) {
		p, err := a.store.PersonByHandle(ctx, handle)
		if err != nil {
			return apps.NotFound(err, "This person")
		}
		return web.SeeOther(c, memberURL(p.Sub))
	}
	if path == "" {
		return web.NotFound("This person")
	}
	m, err := a.store.Member(ctx, c.Param("person"))
	if err != nil {
		return apps.NotFound(err, "This person")
	}
	posts, total, page, err := a.store.MemberPosts(ctx, m.Sub, web.Int(c, "page", 1, 1, maxPage))
	if err != nil {
		return err
	}
	v := memberView{Shell: a.shell(c, m.Name, ""), Member: m, Total: total, Pages: pagesOf(path, page, total)}
	bought, whole := a.bought(ctx, posts)
	v.NoBadges = !whole
	if p, err := a.store.PersonOf(ctx, m.Sub); err == nil {
		v.Handle = p.Handle
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, p := range posts {
		v.Posts = append(v.Posts, minePost{Post: p.Post, Title: p.Title, Excerpt: excerpt(markdown.Text(excerptSource(p.Source, "")), "")[0],
			Answer: p.Accepted == p.ID, Verified: bought[p.Product]})
	}
	return web.Render(c, http.StatusOK, memberPage(v))
}

// bought returns which of the products that the posts of one author are about the author bought. It asks for all
// products at once, so that a slow shop delays the page only for buyersTimeout. If the shop cannot be asked, whole is
// false.
func (a *App) bought(ctx context.Context, posts []store.MemberPost) (bought map[string]bool, whole bool) {
	bought, whole = make(map[string]bool), true
	var mu sync.Mutex
	var wg sync.WaitGroup
	asked := make(map[string]bool)
	for _, p := range posts {
		if p.Product == "" || asked[p.Product] {
			continue
		}
		asked[p.Product] = true
		wg.Go(func() {
			buyers, ok := a.buyers.Among(ctx, p.Product, []store.Post{p.Post})
			mu.Lock()
			defer mu.Unlock()
			bought[p.Product], whole = buyers[p.AuthorSub], whole && ok
		})
	}
	wg.Wait()
	return bought, whole
}

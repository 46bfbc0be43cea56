package forum

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// threadView is the data of a page of a thread.
type threadView struct {
	Shell     components.Shell
	Board     store.Board
	Thread    store.Thread
	ShopURL   string // of the product, "" if the thread is about none
	Posts     []postView
	Page      int
	Sort      store.Sort // of the replies
	NoBadges  bool       // the shop could not tell which authors bought the product
	Moderator bool
	Guest     bool
	Sub       string // of the user, "" for a guest
	Reply     *draft

	Deleted  bool      // the thread is removed because its author deleted it
	Accepted *postView // the accepted answer, shown below the opening post; nil for none
	Followed bool      // by the user
	Unread   int       // posts after the last one that the user has read
}

// postView is a post as the current user sees it.
type postView struct {
	store.Post
	HTML      string
	Own       bool
	Voted     bool
	Verified  bool
	Starter   bool // its author also wrote the opening post
	Moderator bool // the current user
	Open      bool // the thread accepts replies and edits

	QuoteURL  string // "" if there is no form to reply with
	Undo      bool   // the current user may take the deletion back
	Accepted  bool   // the thread's accepted answer
	MayAccept bool   // the current user may accept it as the answer, or take that back
}

func (a *App) thread(c echo.Context) error {
	t, err := a.findThread(c)
	if err != nil {
		return err
	}
	d := restoredDraft(c)
	page, sort := web.Int(c, "page", 1, 1, maxPage), replySort(c)
	if err := a.quote(c, t, d); err != nil {
		return err
	}
	if d.Restored && c.QueryParam("page") == "" && sort == store.Oldest {
		page = maxPage // the page where the reply will appear
	}
	return a.showSorted(c, http.StatusOK, t, sort, page, d)
}

// replySort reads the order of the replies from the query. The default, also for unknown values, is oldest first.
func replySort(c echo.Context) store.Sort {
	switch s := store.Sort(c.QueryParam("sort")); s {
	case store.Newest, store.MostVoted:
		return s
	}
	return store.Oldest
}

// param returns a path parameter, or "" if it cannot be an id, which then is not found.
func param(c echo.Context, name string) string {
	v := c.Param(name)
	if !validSlug(v) {
		return ""
	}
	return v
}

// findThread returns the thread that the path names. It returns a 404 error if there is none, and a 410 error if it is
// removed, unless the user is a moderator or an author who can take its deletion back.
func (a *App) findThread(c echo.Context) (store.Thread, error) {
	t, err := a.store.Thread(c.Request().Context(), param(c, "thread"))
	if errors.Is(err, store.ErrNotFound) {
		return t, web.NotFound("This thread")
	}
	if err == nil && t.RemovedAt.Set() && !isModerator(c) {
		opening, err := a.store.Opening(c.Request().Context(), t.ID)
		if err != nil {
			return t, err
		}
		if opening.AuthorSub != apps.Subject(c) || !opening.Undoable(a.Now()) {
			return t, removedThread(opening)
		}
	}
	return t, err
}

// removedThread returns a 410 error that says who removed the thread with this opening post.
func removedThread(opening store.Post) error {
	if opening.Deleted() {
		return web.Fail(http.StatusGone, "deleted", "Its author deleted this thread.").WithTitle("This thread was deleted")
	}
	return web.Fail(http.StatusGone, "removed", "A moderator removed this thread. See the house rules on the front page of the forum.").
		WithTitle("This thread was removed")
}

// removedPost returns a 410 error that says who removed the post, and that it can't be changed or voted for.
func removedPost(p store.Post) error {
	if p.Deleted() {
		return web.Fail(http.StatusGone, "deleted", "Its author deleted this post.").WithTitle("This post was deleted")
	}
	return web.Fail(http.StatusGone, "removed", "A moderator removed this post or its thread.").WithTitle("This post was removed")
}

// showThread renders a page of t with the oldest replies first, and the user's draft of a reply.
func (a *App) showThread(c echo.Context, status int, t store.Thread, page int, d *draft) error {
	return a.showSorted(c, status, t, store.Oldest, page, d)
}

func (a *App) showSorted(c echo.Context, status int, t store.Thread, sort store.Sort, page int, d *draft) error {
	ctx := c.Request().Context()
	board, err := a.store.Board(ctx, t.Board)
	if err != nil {
		return err
	}
	posts, page, err := a.store.Posts(ctx, t, sort, page)
	if err != nil {
		return err
	}
	voted, err := a.store.Voted(ctx, apps.Subject(c), posts)
	if err != nil {
		return err
	}
	read, err := a.store.Reads(ctx, apps.Subject(c), t.ID)
	if err != nil {
		return err
	}
	followed, err := a.store.Follows(ctx, apps.Subject(c), t.ID)
	if err != nil {
		return err
	}
	answer, err := a.acceptedAnswer(ctx, t, posts, page)
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodGet && status == http.StatusOK {
		a.markRead(c, t, posts, read[t.ID])
		a.markNotified(c, posts...)
	}
	v := threadView{Board: board, Thread: t, Page: page, Sort: sort, Moderator: isModerator(c), Guest: rp.From(c.Request()) == nil, Sub: apps.Subject(c), Followed: followed, Reply: d}
	v.Shell = a.shell(c, t.Title, v.url(sort, page))
	v.Shell.Toasts = d.withToast(v.Shell.Toasts)
	if last := read[t.ID]; last > 0 {
		v.Unread = max(0, t.LastNumber-last)
	}
	shown := posts
	if answer != nil {
		shown = append(slices.Clone(posts), *answer)
	}
	buyers := a.badges(ctx, &v, shown)
	for _, p := range posts {
		v.Posts = append(v.Posts, a.postView(c, &v, p, voted[p.ID], buyers[p.AuthorSub]))
		v.Deleted = v.Deleted || p.Number == 1 && p.Deleted() && t.RemovedAt.Set()
	}
	if answer != nil {
		p := a.postView(c, &v, *answer, false, buyers[answer.AuthorSub])
		v.Accepted = &p
	}
	return web.Render(c, status, threadPage(v))
}

// postView returns a post of the page v as the current user sees it.
func (a *App) postView(c echo.Context, v *threadView, p store.Post, voted, verified bool) postView {
	t, sub := v.Thread, apps.Subject(c)
	view := postView{Post: p, HTML: a.html.HTML(p.Source, p.Mentions), Own: p.AuthorSub == sub, Voted: voted, Verified: verified, Moderator: v.Moderator,
		Starter: p.Number > 1 && p.AuthorSub == t.AuthorSub && t.AuthorName != "", Open: !t.LockedAt.Set() && !t.RemovedAt.Set(),
		Accepted: p.ID == t.Accepted, MayAccept: p.Number > 1 && !t.RemovedAt.Set() && (v.Moderator || sub != "" && sub == t.AuthorSub)}
	view.Undo = view.Own && p.Undoable(a.Now())
	if view.Open {
		view.QuoteURL = withQuery(v.url(v.Sort, v.Page), "quote="+p.ID) + "#body" // the text field, which a browser then gives the focus
	}
	return view
}

// withQuery adds a parameter to a URL that may have a query, but no fragment.
func withQuery(u, parameter string) string {
	if strings.Contains(u, "?") {
		return u + "&" + parameter
	}
	return u + "?" + parameter
}

// badges returns the subs of those authors that bought the product that the thread is about, or nil if it is about
// none. It sets v.ShopURL, and v.NoBadges if the shop did not answer.
func (a *App) badges(ctx context.Context, v *threadView, posts []store.Post) map[string]bool {
	if v.Thread.Slug == "" {
		return nil
	}
	v.ShopURL = a.Estate.URL("shop") + v.Thread.Path
	buyers, whole := a.buyers.Among(ctx, v.Thread.Slug, posts)
	v.NoBadges = !whole
	return buyers
}

// url returns the URL of a page of the thread in a sort order.
func (v threadView) url(sort store.Sort, page int) string {
	if sort == store.Oldest {
		return threadURL(v.Thread.ID, page, 0)
	}
	u := "/t/" + v.Thread.ID + "?sort=" + string(sort)
	if page > 1 {
		u += "&page=" + strconv.Itoa(page)
	}
	return u
}

// orders returns the links that sort the replies, or nil if there are fewer than two.
func (v threadView) orders() []components.NavItem {
	if v.Thread.LastNumber < 3 {
		return nil
	}
	orders := []components.NavItem{{Label: "Oldest"}, {Label: "Newest"}, {Label: "Most helpful"}}
	for i, sort := range []store.Sort{store.Oldest, store.Newest, store.MostVoted} {
		orders[i].URL, orders[i].Current = v.url(sort, 1)+"#replies", sort == v.Sort
	}
	return orders
}

func threadURL(id string, page, number int) string {
	u := "/t/" + id
	if page > 1 {
		u += "?page=" + strconv.Itoa(page)
	}
	if number > 0 {
		u += fmt.Sprintf("#post-%d", number)
	}
	return u
}

// permalink handles GET /posts/:post: redirects to the post's place in its thread.
func (a *App) permalink(c echo.Context) error {
	p, err := a.findPost(c)
	if err != nil {
		return err
	}
	a.markNotified(c, p) // also of a post that is not shown in its place
	return web.SeeOther(c, postURL(p))
}

// postURL returns the URL of a post in its thread. That of an opening post is the thread's, so that its title is in
// sight.
func postURL(p store.Post) string {
	if p.Number == 1 {
		return threadURL(p.Thread, 1, 0)
	}
	return threadURL(p.Thread, p.Page(), p.Number)
}

func (a *App) findPost(c echo.Context) (store.Post, error) {
	p, err := a.store.Post(c.Request().Context(), param(c, "post"))
	return p, apps.NotFound(err, "This post")
}

func (v threadView) pages() components.Pages {
	return components.Pages{Page: v.Page, Total: (v.Thread.LastNumber-1)/store.PageSize + 1, Label: "Pages of this thread",
		URL: func(n int) string { return v.url(v.Sort, n) }}
}

// opening returns the id of the thread's opening post if it is on this page, otherwise "".
func (v threadView) opening() string {
	if len(v.Posts) > 0 && v.Posts[0].Number == 1 {
		return v.Posts[0].ID
	}
	return ""
}

package forum

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// logView is the data of the moderation log.
type logView struct {
	Shell   components.Shell
	Entries []store.LogEntry
	Pages   components.Pages
	Tabs    []components.NavItem
}

// confirmations maps each action to the message that confirms it.
var confirmations = map[store.Action]string{
	store.Pin: "The thread is pinned.", store.Unpin: "The thread is unpinned.",
	store.Lock: "The thread is locked.", store.Unlock: "The thread is unlocked. Replies are open again.",
	store.Remove: "The post is removed. You can restore it in the thread.", store.Restore: "The post is restored and visible again.",
	store.Dismiss: "The reports are dismissed. The post stays.",
}

func (a *App) moderate(c echo.Context) error {
	p, err := a.findPost(c)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	if err != nil || len(form["action"]) != 1 || len(form["reason"]) > 1 {
		return web.Fail(http.StatusBadRequest, "bad_form", "The submitted form can't be read.").WithCause(err)
	}
	action := store.Action(form.Get("action"))
	if confirmations[action] == "" {
		return web.Fail(http.StatusBadRequest, "bad_action", "This moderation action doesn't exist.")
	}
	reason, err := web.Text(c, "reason", maxReason)
	if err != nil {
		return err
	}
	if action == store.Remove && !hasVisibleText(reason) {
		return web.Invalid("Enter a reason. Readers will see it in place of the post.")
	}
	p, err = a.store.Moderate(c.Request().Context(), store.Moderation{
		Action: action, Post: p.ID, Actor: author(c), Reason: reason, At: a.Now(),
	})
	if err != nil {
		return err
	}
	web.Flash(c, "success", confirmations[action])
	if form.Get("from") == "reports" {
		return web.SeeOther(c, "/moderation/reports")
	}
	return web.SeeOther(c, postURL(p))
}

func (a *App) moderationLog(c echo.Context) error {
	entries, total, page, err := a.store.Log(c.Request().Context(), web.Int(c, "page", 1, 1, maxPage))
	if err != nil {
		return err
	}
	v := logView{Shell: a.shell(c, "Moderation log", "/moderation"), Entries: entries, Pages: pagesOf("/moderation", page, total)}
	v.Tabs = moderationTabs(v.Shell, "/moderation")
	return web.Render(c, http.StatusOK, logPage(v))
}

// pagesOf returns the pagination of a list at base whose only query parameter is the page.
func pagesOf(base string, page, total int) components.Pages {
	return components.Pages{Page: page, Total: store.List{Total: total}.Pages(), Label: "Pages",
		URL: func(n int) string { return fmt.Sprintf("%s?page=%d", base, n) }}
}

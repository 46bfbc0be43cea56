package forum

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// maxReport is the maximum length of the reason of a report, in characters.
const maxReport = 500

// reportView is the data of the form that reports a post.
type reportView struct {
	Shell  components.Shell
	Post   store.Post
	HTML   string
	Reason string
	Fault  string
}

// queueView is the data of the moderators' queue of reports.
type queueView struct {
	Shell   components.Shell
	Reports []queued
	Total   int
	Pages   components.Pages
	Tabs    []components.NavItem
}

type queued struct {
	store.Report
	Excerpt string
}

// reportable returns the post that the path names. It returns a 403 error if it is the user's own, and a 410 error if
// it or its thread was removed.
func (a *App) reportable(c echo.Context) (store.Post, error) {
	p, err := a.findPost(c)
	switch {
	case err != nil:
		return p, err
	case p.AuthorSub == apps.Subject(c):
		return p, ownReport()
	}
	t, err := a.store.Thread(c.Request().Context(), p.Thread)
	switch {
	case err != nil:
		return p, err
	case p.RemovedAt.Set() || t.RemovedAt.Set():
		return p, removedPost(p)
	}
	return p, nil
}

func ownReport() error {
	return web.Forbidden("You can't report your own posts. You can edit or delete them.")
}

func (a *App) reportForm(c echo.Context) error {
	p, err := a.reportable(c)
	if err != nil {
		return err
	}
	return a.showReport(c, http.StatusOK, p, rp.Draft(c.Request()).Get("reason"), "")
}

func (a *App) showReport(c echo.Context, status int, p store.Post, reason, fault string) error {
	return web.Render(c, status, reportPage(reportView{Shell: a.shell(c, "Report a post", "/posts/"+p.ID+"/report"),
		Post: p, HTML: a.html.HTML(p.Source, p.Mentions), Reason: reason, Fault: fault}))
}

func (a *App) createReport(c echo.Context) error {
	p, err := a.reportable(c)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	if err != nil || len(form["reason"]) > 1 {
		return web.Fail(http.StatusBadRequest, "bad_form", "The submitted form can't be read.").WithCause(err)
	}
	d := new(draft)
	reason := strings.TrimSpace(d.cleanText("reason", form.Get("reason")))
	fault := d.faultOf("reason")
	if n := utf8.RuneCountInString(reason); n > maxReport {
		fault = fmt.Sprintf("This is %s characters long. The limit is %d.", components.Count(n), maxReport)
	} else if !hasVisibleText(reason) {
		fault = "Say what is wrong with the post."
	}
	if fault != "" {
		return a.showReport(c, http.StatusUnprocessableEntity, p, reason, fault)
	}
	err = a.store.CreateReport(c.Request().Context(), store.NewReport{Post: p.ID, By: author(c), Reason: reason, At: a.Now()})
	limit := (*db.RateLimitError)(nil)
	switch {
	case errors.As(err, &limit):
		c.Response().Header().Set("Retry-After", fmt.Sprint(int(limit.Wait.Seconds())+1))
		return a.showReport(c, http.StatusTooManyRequests, p, reason, "You're reporting too often. Try again in "+web.WaitText(limit.Wait)+".")
	case errors.Is(err, store.ErrReports):
		return a.showReport(c, http.StatusTooManyRequests, p, reason, "Moderators haven't looked at many of your reports yet. Please wait until they have.")
	case errors.Is(err, store.ErrReported):
		web.Flash(c, "info", "You've already reported this post. A moderator will look at it.")
		return web.SeeOther(c, postURL(p))
	case errors.Is(err, store.ErrOwnPost):
		return ownReport()
	case errors.Is(err, store.ErrRemoved):
		return removedPost(p)
	case err != nil:
		return apps.NotFound(err, "This post")
	}
	web.Flash(c, "success", "Thank you. A moderator will look at the post.")
	return web.SeeOther(c, postURL(p))
}

// reports handles GET /moderation/reports: shows the open reports, oldest first.
func (a *App) reports(c echo.Context) error {
	const path = "/moderation/reports"
	found, total, page, err := a.store.Queue(c.Request().Context(), web.Int(c, "page", 1, 1, maxPage))
	if err != nil {
		return err
	}
	v := queueView{Shell: a.shell(c, "Reports", path), Total: total, Pages: pagesOf(path, page, total)}
	v.Tabs = moderationTabs(v.Shell, path)
	for _, r := range found {
		v.Reports = append(v.Reports, queued{Report: r, Excerpt: excerpt(markdown.Text(excerptSource(r.Source, "")), "")[0]})
	}
	return web.Render(c, http.StatusOK, queuePage(v))
}

// moderationTabs returns the tabs of the moderators' pages. The number of open reports is the one in the header.
func moderationTabs(s components.Shell, path string) []components.NavItem {
	tabs := []components.NavItem{{Label: "Reports", URL: "/moderation/reports"}, {Label: "Log", URL: "/moderation"}}
	for i := range tabs {
		tabs[i].Current = tabs[i].URL == path
	}
	for _, item := range s.Nav {
		if item.URL == tabs[0].URL {
			tabs[0].Count = item.Count
		}
	}
	return tabs
}

package academy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/web"
)

const (
	topicsScope   = "forum.topics"  // scope of the Academy's token for the forum's API
	forumTimeout  = 2 * time.Second // timeout of the request to the forum
	maxTopicReply = 4 << 10         // maximum number of bytes read of the forum's response
)

// discuss handles GET /lessons/:lesson/discuss: it redirects to the forum's thread about a lesson. The first request
// creates the thread; its path is stored for later ones. Single sign-on signs the user in to the forum without
// asking. It answers 503 if the forum does not answer.
func (a *App) discuss(c echo.Context) error {
	l, err := a.findLesson(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	path, err := a.store.Discussion(ctx, l.Slug)
	if err == nil {
		return web.SeeOther(c, a.Estate.URL("forum")+path)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if path, err = a.putTopic(ctx, l); err != nil {
		e := web.Fail(http.StatusServiceUnavailable, "forum_away",
			"We can't open this lesson's discussion, because the forum is unavailable right now. You can still read the lesson. Try again in a moment.").
			WithTitle("The forum is unavailable").WithCause(err)
		e.RetryAfter = 2 * time.Second
		return e
	}
	if err := a.store.KeepDiscussion(ctx, l.Slug, path); err != nil {
		a.Logger.Error("cannot store the path of a lesson's thread", "lesson", l.Slug, "error", err)
	}
	return web.SeeOther(c, a.Estate.URL("forum")+path)
}

// threadPath matches the paths that are accepted from the forum, since they become part of a redirect's address.
var threadPath = regexp.MustCompile(`^/t/[a-z0-9-]{1,80}$`)

// putTopic creates the thread in the forum with a service token of the Academy, and returns its path. The request is
// idempotent: later ones return the same thread.
func (a *App) putTopic(ctx context.Context, l *chapter.Lesson) (path string, err error) {
	ctx, cancel := context.WithTimeout(ctx, forumTimeout)
	defer cancel()
	origin := a.Estate.URL("forum") // also the audience of its tokens (RFC 8707)
	token, err := a.sso.ServiceToken(ctx, origin, topicsScope)
	if err != nil {
		return "", fmt.Errorf("academy: a token for the forum: %w", err)
	}
	body, err := json.Marshal(map[string]string{
		"title": "Lesson: " + l.Title,
		"text":  l.Summary + "\n\nWhat did you see, what surprised you, and what is still unclear? What would you do differently?",
		"url":   a.Estate.URL(service) + lessonURL(l),
	})
	if err != nil {
		return "", fmt.Errorf("academy: ask the forum: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, origin+"/api/v1/topics/"+url.PathEscape(l.Slug), bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("academy: ask the forum: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := a.HTTPClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("academy: ask the forum: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("academy: the forum answered %d", res.StatusCode)
	}
	var answer struct{ Path string }
	if err := json.NewDecoder(io.LimitReader(res.Body, maxTopicReply)).Decode(&answer); err != nil {
		return "", fmt.Errorf("academy: the forum's answer: %w", err)
	}
	if !threadPath.MatchString(answer.Path) {
		return "", errors.New("academy: the forum's response has no thread")
	}
	return answer.Path, nil
}

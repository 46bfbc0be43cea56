package forum

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// scopeTopics is the scope that the topics API requires of access tokens. Their audience is the forum's base URL.
const scopeTopics = "forum.topics"

// siblings are the apps that may create threads for their own items, by client id, with the author and the board of
// those threads.
var siblings = map[string]struct {
	author store.Author
	board  string
}{
	"academy": {store.Author{Sub: "app:academy", Name: "Academy"}, academyBoard},
}

// academyBoard is the board for threads about lessons.
const academyBoard = "academy"

// maxTopicURL is the maximum length of a topic's URL in bytes.
const maxTopicURL = 500

// topicJSON is the request body of putTopic.
type topicJSON struct {
	Title string `json:"title"`
	Text  string `json:"text"` // Markdown
	URL   string `json:"url"`  // of the item, in the sibling app
}

// putTopic handles PUT /api/v1/topics/:topic: returns the thread of the app's topic. It creates the thread if there is
// none (201) and otherwise changes nothing (200).
func (a *App) putTopic(c echo.Context) error {
	app, topic, err := topicOf(c)
	if err != nil {
		return err
	}
	d, err := a.readTopic(c, app)
	if err != nil {
		return err
	}
	home := siblings[app]
	t, created, err := a.store.PutTopic(c.Request().Context(), store.NewTopic{App: app, Topic: topic, NewThread: store.NewThread{
		Board: home.board, Title: d.Title, Source: d.Body, Author: home.author, At: a.Now(),
	}})
	if err != nil {
		return err
	}
	if created {
		return sendTopic(c, http.StatusCreated, t)
	}
	return sendTopic(c, http.StatusOK, t)
}

// getTopic handles GET /api/v1/topics/:topic: returns the thread of the app's topic, or 404 if there is none.
func (a *App) getTopic(c echo.Context) error {
	app, topic, err := topicOf(c)
	if err != nil {
		return err
	}
	t, err := a.store.Topic(c.Request().Context(), app, topic)
	if err != nil {
		return apps.NotFound(err, "This topic")
	}
	return sendTopic(c, http.StatusOK, t)
}

// sendTopic sends the path and the number of replies of a thread, also of a removed one, whose page says so.
func sendTopic(c echo.Context, status int, t store.Thread) error {
	c.Response().Header().Set("Cache-Control", "private, no-store")
	return c.JSON(status, map[string]any{"path": threadURL(t.ID, 1, 0), "replies": t.Replies})
}

// topicOf returns the app that makes the request and the topic that the path names. It returns a 403 error if the app
// is not in siblings, and a 400 error if the topic is invalid.
func topicOf(c echo.Context) (app, topic string, err error) {
	app = rp.Claims(c.Request()).ClientID
	if _, known := siblings[app]; !known {
		return "", "", web.Forbidden("Only sibling apps can have topics here.")
	}
	if topic = param(c, "topic"); topic == "" {
		return "", "", web.BadRequest("A topic name must be 1 to 80 lowercase letters, digits and hyphens.")
	}
	return app, topic, nil
}

// readTopic reads the opening post of a topic from the request body, with the same limits as for users' posts, and adds
// a link to the app. It returns an error with status 400, 413, 415 or 422 if the body is invalid.
func (a *App) readTopic(c echo.Context, app string) (*draft, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationJSON {
		return nil, web.Fail(http.StatusUnsupportedMediaType, "invalid_request", "A topic must be sent as application/json.")
	}
	var in topicJSON
	dec := json.NewDecoder(c.Request().Body)
	err = dec.Decode(&in)
	_, more := dec.Token()
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge), errors.As(more, &tooLarge):
		return nil, web.Fail(http.StatusRequestEntityTooLarge, "too_large", "This topic is too large.").WithCause(err)
	case err != nil, !errors.Is(more, io.EOF):
		return nil, web.BadRequest("A topic must be a JSON object with the strings title, text and url.").WithCause(err)
	}
	if !a.pageOf(app, in.URL) {
		return nil, web.Invalid("url must be the address of a page of the calling app.")
	}
	d := parseDraft(url.Values{"title": {in.Title}, "body": {in.Text}})
	d.checkTitle()
	d.checkBody()
	if len(d.Faults) > 0 {
		f := d.Faults[0]
		return nil, web.Invalid(map[string]string{"title": "title: ", "body": "text: "}[f.Field] + f.Message)
	}
	d.Body += "\n\n[Open it in the " + siblings[app].author.Name + "](<" + in.URL + ">)"
	return d, nil
}

// pageOf reports whether address is a page of the app and contains no characters that would end a Markdown link.
func (a *App) pageOf(app, address string) bool {
	if len(address) > maxTopicURL || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\\`", r) }) {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.User == nil && strings.HasPrefix(address, a.Estate.URL(app)+"/")
}

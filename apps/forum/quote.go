package forum

import (
	"errors"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/forum/store"
)

// maxQuoted is the maximum length of quoted text in characters.
const maxQuoted = 2_000

// quote begins an empty draft of a reply with the post that the query names, as quoted Markdown. It ignores posts of
// other threads and removed ones.
func (a *App) quote(c echo.Context, t store.Thread, d *draft) error {
	id := c.QueryParam("quote")
	if d.Body != "" || !validSlug(id) {
		return nil
	}
	p, err := a.store.Post(c.Request().Context(), id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (p.Thread != t.ID || p.RemovedAt.Set()) {
		return nil
	}
	if err != nil {
		return err
	}
	d.Body, d.Quoted = quoted(p), true
	return nil
}

// quoted returns a post as quoted Markdown, with a link to it and an empty line for the reply. It shortens a long post.
func quoted(p store.Post) string {
	source := p.Source
	if r := []rune(source); len(r) > maxQuoted {
		source = string(r[:maxQuoted]) + " …"
	}
	lines := strings.Split(strings.TrimSpace(source), "\n")
	return "> [" + escapeMarkdown(p.AuthorName) + "](/posts/" + p.ID + ") wrote:\n>\n> " + strings.Join(lines, "\n> ") + "\n\n"
}

// escapeMarkdown returns text with a backslash before each character that could be markup.
func escapeMarkdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]()<>#+-.!|~&:/@", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

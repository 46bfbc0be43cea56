package academy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/web"
)

// Intervals of polling for updates of the page.
const (
	pollInterval     = "every 1s"
	busyPollInterval = "every 300ms" // while something is in progress
)

// area is a part of a run's page that is updated by polling.
type area struct {
	id    string
	swap  string // htmx swap style
	drawn templ.Component
}

// pictureArea is replaced as a whole each time, which starts the animations.
const pictureArea = "run-picture"

// areas returns the parts of the page. Only changed parts are sent again, so that nothing moves while the user reads
// and no form is changed while it is filled in. Morphing keeps the focus.
func (v runView) areas() []area {
	return []area{
		{"run-said", "innerHTML", v.said()},
		{"run-state", "innerMorph", v.status()},
		{"run-desk", "innerMorph", v.desk()},
		{pictureArea, "innerHTML", v.picture()},
		{"run-words", "innerMorph", v.words()},
		{"run-found", "innerMorph", v.found()},
		{"run-shown", "innerMorph", v.shown()},
		{"run-log", "innerMorph", v.log()},
		{"run-later", "innerMorph", v.later()},
	}
}

// part is a rendered area.
type part struct {
	id, swap, html, sum string
}

// renderAreas renders the areas without moving requests. The checksums leave out what differs on each page: the forms'
// key, and the number of the newest request.
func (v runView) renderAreas() ([]part, error) {
	v.Since = v.newest()
	var parts []part
	for _, a := range v.areas() {
		html, err := renderHTML(a.drawn)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", a.id, err)
		}
		sum := fnv.New32a()
		_, _ = io.WriteString(sum, strings.NewReplacer(v.Key, "", v.seenField(), "").Replace(html))
		parts = append(parts, part{a.id, a.swap, html, fmt.Sprintf("%08x", sum.Sum32())})
	}
	return parts, nil
}

func renderHTML(c templ.Component) (string, error) {
	var b bytes.Buffer
	err := c.Render(context.Background(), &b)
	return b.String(), err
}

// joinSums returns the checksums of the parts of a page.
func joinSums(parts []part) string {
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = p.sum
	}
	return strings.Join(all, ".")
}

// changed renders the parts whose checksums are not in have, and the element that polls for the next ones. With an
// empty have, it renders all parts.
func (v runView) changed(have string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		parts, err := v.renderAreas()
		if err != nil {
			return err
		}
		all, before := joinSums(parts), strings.Split(have, ".")
		var send []part
		for i, p := range parts {
			if len(before) == len(parts) && before[i] == p.sum {
				continue
			}
			if p.id == pictureArea && v.Since < v.newest() {
				if p.html, err = renderHTML(v.picture()); err != nil {
					return err
				}
			}
			send = append(send, p)
		}
		return v.partials(send, all).Render(ctx, w)
	})
}

// every returns the polling interval.
func (v runView) every() string {
	if v.State.Busy != "" || v.State.View.Progress != nil || v.Run.Address == "" {
		return busyPollInterval
	}
	return pollInterval
}

func (v runView) liveURL(have string) string {
	return v.url("/live?seen=" + strconv.FormatInt(v.State.Version, 10) + "&n=" + strconv.FormatInt(v.newest(), 10) + "&have=" + have)
}

// live handles GET /runs/:run/live, with which the page polls for updates: it answers 204 if nothing has changed.
func (a *App) live(c echo.Context) error {
	if !web.WantsFragment(c) {
		return a.toRun(c)
	}
	r, e, err := a.findRun(c)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(c.QueryParam("seen"), 10, 64)
	if err != nil || seen < 0 {
		seen = 0
	}
	s, err := a.currentState(c.Request().Context(), &r, seen)
	if errors.Is(err, lab.ErrSame) {
		return c.NoContent(http.StatusNoContent)
	}
	if err != nil {
		return err
	}
	if err := a.saveProgress(c.Request().Context(), &r, s); err != nil {
		return err
	}
	v := a.newRunView(r, e, s)
	if n, err := strconv.ParseInt(c.QueryParam("n"), 10, 64); err == nil && n >= 0 {
		v.Since = n
	}
	return web.Render(c, http.StatusOK, v.changed(c.QueryParam("have")))
}

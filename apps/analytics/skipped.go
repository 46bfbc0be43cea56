package analytics

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// maxRejects limits how many rejected events the page shows.
const maxRejects = 100

// skippedView is the data of the page of events that could not be counted.
type skippedView struct {
	shell   components.Shell
	totals  []reasonTotal
	rejects []store.Reject
	kept    int
}

type reasonTotal struct {
	reason string
	total  int64
}

func (a *App) skippedPage(c echo.Context) error {
	ctx := c.Request().Context()
	skipped, err := a.store.Skipped(ctx)
	if err != nil {
		return err
	}
	v := skippedView{kept: a.Retention.Rejects}
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		v.totals = append(v.totals, reasonTotal{reason, skipped[reason]})
	}
	if v.rejects, err = a.store.Rejects(ctx, maxRejects); err != nil {
		return err
	}
	if v.shell, err = a.shell(c, "Skipped events"); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, v.page())
}

func capitalize(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// truncate shortens an event to 600 characters for a table row.
func truncate(s string) string {
	const most = 600
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

package analytics

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// retentionView is the data of the page that shows how many people come back, by the week of their first sign-in.
type retentionView struct {
	shell   components.Shell
	cohorts []cohortRow // newest first
	columns []components.Column
}

type cohortRow struct {
	week   string
	people int64
	cells  []retentionCell // of its weeks until now
	rest   int             // columns without a cell
}

type retentionCell struct {
	share  string
	people int64
	level  int  // of shading, from 0 to 4
	soFar  bool // the week is not over yet
}

// retentionPage handles GET /retention.
func (a *App) retentionPage(c echo.Context) error {
	now := a.Now().UTC()
	retained, err := a.store.Retention(c.Request().Context(), now)
	if err != nil {
		return err
	}
	v := retentionView{cohorts: cohortRows(retained, now), columns: []components.Column{{Label: "First sign-in"}, {Label: "People", Numeric: true, Class: cohortCellClass}}}
	for n := range columnsOf(v.cohorts) {
		label := "Week " + components.Count(n)
		v.columns = append(v.columns, components.Column{Label: label, Numeric: true, Class: cohortCellClass})
	}
	if v.shell, err = a.shell(c, "Retention"); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, v.page())
}

// cohortRows returns a row for each week with first sign-ins, newest first.
func cohortRows(retained []store.Retained, now time.Time) []cohortRow {
	people := map[[2]int64]int64{}
	for _, r := range retained {
		people[[2]int64{r.Cohort, r.Week}] = r.People
	}
	var rows []cohortRow
	const week = 7 * period.Day
	current := period.Floor(now, week)
	for n := range store.CohortWeeks {
		first := current.Add(-time.Duration(n) * week)
		size := people[[2]int64{db.Millis(first), db.Millis(first)}]
		if size == 0 {
			continue
		}
		row := cohortRow{week: first.Format("2 Jan 2006"), people: size}
		for i := range n + 1 {
			at := first.Add(time.Duration(i) * week)
			k := people[[2]int64{db.Millis(first), db.Millis(at)}]
			row.cells = append(row.cells, retentionCell{share: percent(k, size), people: k, level: shade(k, size), soFar: i == n})
		}
		rows = append(rows, row)
	}
	for i := range rows {
		rows[i].rest = columnsOf(rows) - len(rows[i].cells)
	}
	return rows
}

// columnsOf returns the number of weeks of the oldest row.
func columnsOf(rows []cohortRow) (n int) {
	for _, row := range rows {
		n = max(n, len(row.cells))
	}
	return n
}

// shadeSteps are the shares at which the levels of shading end, for the scale.
var shadeSteps = []string{"0%", "up to 50%", "up to 75%", "up to 90%", "up to 100%"}

// shade returns the level of shading of part of whole: 0 for none, and up to 4 for more than 90 %.
func shade(part, whole int64) int {
	for level, end := range []int64{0, 50, 75, 90} {
		if 100*part <= end*whole {
			return level
		}
	}
	return 4
}

package analytics

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse/web"
)

// export answers with one panel as CSV (RFC 4180).
func (a *App) export(c echo.Context) error {
	key, isCSV := strings.CutSuffix(c.Param("file"), ".csv")
	p, known := findPanel(key)
	if !isCSV || !known {
		return web.NotFound("This export")
	}
	q, err := a.readQuery(c.QueryParams())
	if e, ok := fault(err); ok {
		return web.Invalid(e.Message)
	} else if err != nil {
		return err
	}
	f, err := a.load(c.Request().Context(), q)
	if err != nil {
		return err
	}
	return sendCSV(c, fileName(p, q), p.draw(f).table)
}

func fileName(p panel, q query) string {
	name := p.key
	if q.app != "" {
		name += "-" + q.app
	}
	const day = "20060102T1504"
	return fmt.Sprintf("%s-%s-%sZ.csv", name, q.period.From.Format(day), q.period.To.Format(day))
}

// flushEvery is after how many rows the answer is sent on.
const flushEvery = 100

// sendCSV writes the rows as it goes. The figures were there before the first byte, so nothing can fail half-way but the line.
func sendCSV(c echo.Context, name string, t table) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`) // of our own characters only
	h.Set("Cache-Control", "private, no-store")
	c.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(c.Response())
	w.UseCRLF = true
	record := make([]string, 0, len(t.columns))
	for _, col := range t.columns {
		record = append(record, col.Label)
	}
	if err := w.Write(record); err != nil {
		return err
	}
	for i, row := range t.rows {
		record = record[:0]
		for _, cell := range row {
			record = append(record, cell.csv())
		}
		if err := w.Write(record); err != nil {
			return err
		}
		if i%flushEvery == flushEvery-1 {
			w.Flush()
			c.Response().Flush()
		}
	}
	w.Flush()
	return w.Error()
}

// csv is the cell's value. Text that a spreadsheet would take for a formula gets an apostrophe in front, which tells it
// not to (OWASP, CSV injection); numbers and times of ours are left alone.
func (c cell) csv() string {
	if c.text && c.raw != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(c.raw)[0]) {
		return "'" + c.raw
	}
	return c.raw
}

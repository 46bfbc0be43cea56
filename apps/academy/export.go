package academy

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// timeline is a run in its export format.
type timeline struct {
	Run        string       `json:"run"`
	Experiment string       `json:"experiment"`
	Mode       string       `json:"mode"`
	Setup      lab.Args     `json:"setup"`
	Started    time.Time    `json:"started"`
	Ended      string       `json:"ended,omitempty"` // reason
	Step       int          `json:"step"`
	Steps      int          `json:"steps"`
	Findings   lab.Findings `json:"findings"`
	Events     []lab.Event  `json:"events"`
}

// timelineOf returns everything that is stored of the run of the address.
func (a *App) timelineOf(c echo.Context) (timeline, store.Run, error) {
	r, e, err := a.findRun(c)
	if err != nil {
		return timeline{}, r, err
	}
	s, err := a.currentState(c.Request().Context(), &r, -1)
	if err != nil {
		return timeline{}, r, err
	}
	t := timeline{Run: r.ID, Experiment: r.Experiment, Mode: r.Mode, Setup: s.Setup, Started: db.Time(r.StartedAt), Ended: r.EndedWhy,
		Step: s.Step, Steps: len(e.Steps), Findings: s.Findings, Events: s.Events}
	if t.Events == nil {
		t.Events = []lab.Event{}
	}
	return t, r, nil
}

func setAttachment(c echo.Context, r store.Run, kind string) {
	h := c.Response().Header()
	name := fmt.Sprintf("%s-%s.%s", r.Experiment, r.ID, kind) // contains only safe characters
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "private, no-store")
}

func (a *App) timelineJSON(c echo.Context) error {
	t, r, err := a.timelineOf(c)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	setAttachment(c, r, "json")
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(raw, '\n'))
}

var timelineColumns = []string{"n", "time", "kind", "text", "from", "to", "method", "path", "status", "outcome", "micros"}

// timelineCSV handles GET /runs/:run/timeline.csv: it returns a CSV file with a line for each event (RFC 4180).
func (a *App) timelineCSV(c echo.Context) error {
	t, r, err := a.timelineOf(c)
	if err != nil {
		return err
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(timelineColumns); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	for _, e := range t.Events {
		record := []string{strconv.FormatInt(e.N, 10), e.At.UTC().Format(time.RFC3339Nano), web.CSVText(e.Kind), web.CSVText(e.Text)}
		for _, key := range []string{"from", "to", "method", "path", "status", "outcome", "took_us"} {
			record = append(record, dataCell(e.Data[key]))
		}
		if err := w.Write(record); err != nil {
			return fmt.Errorf("timeline: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	setAttachment(c, r, "csv")
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8; header=present", []byte(b.String()))
}

// dataCell formats a value of an event's data as a cell; "" for nil.
func dataCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return web.CSVText(v)
	}
	return web.CSVText(fmt.Sprint(v))
}

package admin

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const (
	// maxExported limits the rows of one download; the number of its last row, as the parameter older, continues with
	// the next ones.
	maxExported = 50_000
	// exportBatch is the number of rows that are read and sent together.
	exportBatch = 500
)

// auditCSV handles GET /admin/audit.csv: it streams the audit with the filters of the page, the newest first (RFC
// 4180).
func (a *Console) auditCSV(c echo.Context, _ Admin) error {
	q, err := readAuditQuery(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	query, err := a.storeQuery(ctx, q)
	if err != nil {
		return err
	}
	query.Newer, query.Limit = 0, exportBatch
	rows, more, err := a.Store.AuditRows(ctx, query)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="audit-`+a.Now().UTC().Format("20060102T150405Z")+`.csv"`)
	h.Set("Cache-Control", "private, no-store")
	c.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(c.Response())
	w.UseCRLF = true
	if err := w.Write([]string{"Number", "Time", "Actor", "Actor id", "Action", "Target kind", "Target", "Target id", "Address", "Request", "Detail"}); err != nil {
		return err
	}
	for sent := 0; len(rows) > 0; {
		for _, r := range rows {
			if err := w.Write(auditRecord(r)); err != nil {
				return err
			}
		}
		w.Flush()
		c.Response().Flush()
		if sent += len(rows); !more || sent >= maxExported {
			break
		}
		query.Older = rows[len(rows)-1].Seq
		if rows, more, err = a.Store.AuditRows(ctx, query); err != nil {
			// The response has begun: only aborting it shows the client that rows are missing.
			a.Logger.ErrorContext(ctx, "audit download aborted", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	w.Flush() // the header row, if there are no others
	return w.Error()
}

func auditRecord(r store.Audit) []string {
	detail := ""
	if len(r.Detail) > 0 {
		raw, err := json.Marshal(r.Detail)
		if err != nil {
			raw = []byte(fmt.Sprint(r.Detail))
		}
		detail = string(raw)
	}
	record := []string{
		strconv.FormatInt(r.Seq, 10), r.At.UTC().Format("2006-01-02T15:04:05.000Z"), r.Actor, r.ActorID, r.Action,
		r.TargetKind, r.Target, r.TargetID, r.IP, r.RequestID, detail,
	}
	for i := 2; i < len(record); i++ {
		record[i] = web.CSVText(record[i])
	}
	return record
}

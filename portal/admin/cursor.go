package admin

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
)

// perPage is the number of rows on a page of a list.
const perPage = 50

// cursorText encodes a position in a list for a URL: the time of a row in Unix milliseconds, and its id.
func cursorText(at time.Time, id string) string {
	return strconv.FormatInt(at.UnixMilli(), 10) + "~" + id
}

// readCursor decodes what cursorText encoded. For any other text it returns the zero Cursor, the start of the list.
func readCursor(text string) store.Cursor {
	at, id, ok := strings.Cut(text, "~")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || ms <= 0 || ms > maxMillis || !isID(id) {
		return store.Cursor{}
	}
	return store.Cursor{At: time.UnixMilli(ms).UTC(), ID: id}
}

// maxMillis is the end of the year 9999 in Unix milliseconds, the latest time that every database supports.
const maxMillis = 253402300799000

// cursors are the edges of a page: it lists the rows after one cursor, or before the other; "" for none.
type cursors struct{ After, Before string }

// readCursors returns the cursor in a URL's query, before or after, that is valid.
func readCursors(q url.Values, valid func(string) bool) cursors {
	if before := q.Get("before"); valid(before) {
		return cursors{Before: before}
	}
	if after := q.Get("after"); valid(after) {
		return cursors{After: after}
	}
	return cursors{}
}

// loadPage returns the rows of a page, and the links to the pages around it. load returns the rows at the cursors, and
// whether there are more in that direction. cursorOf returns the cursor of a row, and url the path of the list with
// parameters added.
func loadPage[R any](
	label string, at cursors, load func(cursors) ([]R, bool, error), cursorOf func(R) string, url func(...string) string,
) ([]R, components.Pages, error) {
	rows, more, err := load(at)
	if err == nil && at.Before != "" && !more { // fewer rows before it than a page: show the first page
		at.Before = ""
		rows, more, err = load(at)
	}
	pages := components.Pages{Label: label}
	switch {
	case err != nil:
		return nil, pages, err
	case len(rows) == 0:
		if at.After != "" {
			pages.PrevURL = url()
		}
		return rows, pages, nil
	}
	if at != (cursors{}) {
		pages.PrevURL = url("before", cursorOf(rows[0]))
	}
	if at.Before != "" || more {
		pages.NextURL = url("after", cursorOf(rows[len(rows)-1]))
	}
	return rows, pages, nil
}

// isTimeCursor reports whether text is a result of cursorText.
func isTimeCursor(text string) bool { return readCursor(text) != store.Cursor{} }

// isRowNumber reports whether text is the number of a row: 1 or more.
func isRowNumber(text string) bool { return rowNumber(text) > 0 }

// rowNumber returns the number in text, 0 if there is none or it is negative.
func rowNumber(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// isID reports whether text has the form of an id: at most 128 printable ASCII characters without spaces.
func isID(text string) bool {
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// pageURL returns path with the parameters that are not empty as its query. params alternates names and values.
func pageURL(path string, params ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i+1] != "" {
			q.Set(params[i], params[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// queryOf returns the query of a URL, without the question mark.
func queryOf(address string) string {
	_, q, _ := strings.Cut(address, "?")
	return q
}

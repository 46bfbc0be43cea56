package admin

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/portal/store"
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

// isID reports whether text has the form of an id: at most 128 printable ASCII characters without spaces.
func isID(text string) bool {
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// address returns path with the parameters that are not empty as its query. params alternates names and values.
func address(path string, params ...string) string {
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

// query returns the query of a URL, without the question mark.
func query(address string) string {
	_, q, _ := strings.Cut(address, "?")
	return q
}

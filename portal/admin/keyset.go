package admin

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/portal/store"
)

// perPage is how many rows a page of a list holds.
const perPage = 50

// A place in a list is written into an address as the time of a row, in milliseconds, and its id.
func cursorText(at time.Time, id string) string {
	return strconv.FormatInt(at.UnixMilli(), 10) + "~" + id
}

// readCursor reads what cursorText wrote. Anything else is no place: the list is shown from its beginning.
func readCursor(text string) store.Cursor {
	at, id, ok := strings.Cut(text, "~")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || ms <= 0 || ms > maxMillis || !isID(id) {
		return store.Cursor{}
	}
	return store.Cursor{At: time.UnixMilli(ms).UTC(), ID: id}
}

// maxMillis is the year 9999, beyond which no database need follow.
const maxMillis = 253402300799000

// isID reports whether text may be an id of ours: short, and letters that need no care.
func isID(text string) bool {
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// address is path with those parameters that have a value, name and value by turns.
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

// query is the part of an address behind its question mark.
func query(address string) string {
	_, q, _ := strings.Cut(address, "?")
	return q
}

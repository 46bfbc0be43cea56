package web

import (
	"cmp"
	"strings"
)

// CSVText returns text as a cell of a CSV file. It prefixes text that a spreadsheet would treat as a formula with an
// apostrophe (OWASP, CSV injection).
func CSVText(s string) string {
	first := cmp.Or(strings.TrimLeft(s, " "), s)
	if first != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(first)[0]) {
		return "'" + s
	}
	return s
}

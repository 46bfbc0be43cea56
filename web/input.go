package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/returnto"
)

// Text is a form or query value without white space around it. It is refused
// when it is not UTF-8, holds control characters other than line breaks and
// tabs, or is longer than maxRunes. A missing one is "".
func Text(c echo.Context, name string, maxRunes int) (string, error) {
	v := strings.TrimSpace(c.FormValue(name))
	if !utf8.ValidString(v) || strings.ContainsFunc(v, forbidden) {
		return "", Fail(http.StatusBadRequest, "bad_text", fmt.Sprintf("The field %q holds characters that are not text.", name))
	}
	if utf8.RuneCountInString(v) > maxRunes {
		return "", Invalid(fmt.Sprintf("The field %q takes at most %d characters.", name, maxRunes))
	}
	return v, nil
}

// forbidden are control characters that no text needs and PostgreSQL refuses (NUL).
func forbidden(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
}

// Int is a form or query value between low and high; a missing, broken or
// out-of-range one is def.
func Int(c echo.Context, name string, def, low, high int) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.FormValue(name)))
	if err != nil || n < low || n > high {
		return def
	}
	return n
}

// LocalPath is s when it leads to a page of this very site, and "" when it does not.
func LocalPath(s string) string { return returnto.Local(s) }

// SignInURL is path with the way back to the page that is being asked for.
func SignInURL(c echo.Context, path string) string {
	back := "/"
	if r := c.Request(); r.Method == http.MethodGet {
		back = r.URL.RequestURI()
	}
	if path == "" {
		return ""
	}
	return path + "?" + url.Values{"return_to": {back}}.Encode()
}

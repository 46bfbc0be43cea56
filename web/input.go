package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/sso/returnto"
)

// Text returns a form or query value without surrounding white space, or "" if it is missing. It returns a 400 or 422
// error if the value is not UTF-8, contains control characters other than line breaks and tabs, or is longer than
// maxRunes.
func Text(c echo.Context, name string, maxRunes int) (string, error) {
	v := strings.TrimSpace(c.FormValue(name))
	if !utf8.ValidString(v) || strings.ContainsFunc(v, isForbiddenControl) {
		return "", Fail(http.StatusBadRequest, "bad_text", fmt.Sprintf("The field %q contains invalid characters. Remove them and try again.", name))
	}
	if utf8.RuneCountInString(v) > maxRunes {
		return "", Invalid(fmt.Sprintf("The field %q can have at most %d characters.", name, maxRunes))
	}
	return v, nil
}

// isForbiddenControl reports whether r is a control character that no text needs; PostgreSQL refuses one of them (NUL).
func isForbiddenControl(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
}

// Int returns a form or query value between low and high, or def if it is missing, invalid or out of range.
func Int(c echo.Context, name string, def, low, high int) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.FormValue(name)))
	if err != nil || n < low || n > high {
		return def
	}
	return n
}

// formKeyPattern matches the keys that rand.Text returns.
var formKeyPattern = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// ValidFormKey reports whether key has the format of a form's key (rand.Text), which identifies the form, so that
// sending it twice acts once.
func ValidFormKey(key string) bool { return formKeyPattern.MatchString(key) }

// QueryLimit returns the parameter limit of an API request, or def if it is missing. It returns a 400 error if it is
// not a whole number from 1 to most.
func QueryLimit(params url.Values, def, most int) (int, error) {
	s := params.Get("limit")
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, BadRequest("limit must be a whole number from 1 to " + strconv.Itoa(most) + ".")
	}
	return n, nil
}

// LocalPath returns s if it is a path of this site, and "" otherwise.
func LocalPath(s string) string { return returnto.Local(s) }

// SignInURL returns path with the current page as return_to, or "/" for methods other than GET.
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

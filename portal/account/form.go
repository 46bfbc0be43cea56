package account

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/web"
)

// maxName is the longest name of a user, in characters.
const maxName = 80

// formValue returns the value of a form field exactly as it was sent, "" if it is missing. It reads only the body,
// since a password in a URL would be logged. It returns a 400 error if the body can't be parsed or has the field
// more than once.
func formValue(c echo.Context, name string) (string, error) {
	if err := c.Request().ParseForm(); err != nil {
		return "", web.Fail(http.StatusBadRequest, "bad_form", "We couldn't read the form. Go back, reload the page and try again.").WithCause(err)
	}
	switch values := c.Request().PostForm[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	default:
		return "", web.Fail(http.StatusBadRequest, "doubled_field", fmt.Sprintf("The field %q was sent more than once. Go back, reload the page and try again.", name))
	}
}

// formValues returns the values of several form fields, in the order of names. It fails as formValue does.
func formValues(c echo.Context, names ...string) ([]string, error) {
	values := make([]string, len(names))
	for i, name := range names {
		v, err := formValue(c, name)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// redisplay returns a typed value without surrounding white space, to be shown again in its field, or "" if it is not
// valid text or is longer than maxRunes characters.
func redisplay(typed string, maxRunes int) string {
	typed = strings.TrimSpace(typed)
	if !utf8.ValidString(typed) || strings.ContainsFunc(typed, unicode.IsControl) || utf8.RuneCountInString(typed) > maxRunes {
		return ""
	}
	return typed
}

// checkName returns a typed name with white space normalised, or a message that says why it is not valid.
func checkName(typed string) (name, fault string) {
	name = strings.Join(strings.Fields(typed), " ")
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, invisible):
		return "", "Enter a name with visible characters."
	case !strings.ContainsFunc(name, unicode.IsGraphic):
		return "", "Enter your name."
	case utf8.RuneCountInString(name) > maxName:
		return "", fmt.Sprintf("Use at most %d characters.", maxName)
	}
	return name, ""
}

// invisible reports whether r is a control character, an invisible space or separator, or a character that changes
// the direction of text, with which one name can imitate another.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' || r == '\ufeff' || r == '\u2028' || r == '\u2029'
}

// faults are a form's validation messages, by field. The key "" is for the form as a whole.
type faults map[string]string

// list returns the messages for the summary above a form, in the order of fields.
func (f faults) list(fields ...string) []components.FieldError {
	var list []components.FieldError
	for _, field := range fields {
		if f[field] != "" {
			list = append(list, components.FieldError{Field: field, Message: f[field]})
		}
	}
	return list
}

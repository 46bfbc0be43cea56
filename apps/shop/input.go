package shop

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/web"
)

// maxQuery is the number of characters of a search that are used.
const maxQuery = 100

// maxTyped is the number of characters of an invalid value that are shown again.
const maxTyped = 20

// posted returns the form in the request's body, or a 400 error if it cannot be parsed.
func posted(c echo.Context) (url.Values, error) {
	if err := c.Request().ParseForm(); err != nil {
		return nil, web.Fail(http.StatusBadRequest, "bad_form", "The submitted form can't be read.").WithCause(err)
	}
	return c.Request().PostForm, nil
}

// singleValue returns the value of a form field, or a 400 error unless it has exactly one.
func singleValue(form url.Values, name string) (string, error) {
	v := form[name]
	if len(v) != 1 {
		return "", web.Fail(http.StatusBadRequest, "bad_form", "The form must have the field \""+name+"\" exactly once.")
	}
	return v[0], nil
}

// ParseQuantity reads a quantity: a whole number from low to [store.MaxQuantity], in decimal digits.
func ParseQuantity(s string, low int) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 4 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= low && n <= store.MaxQuantity
}

// quantityError is a quantity that was refused: what was typed, as far as it can be shown, and the message.
type quantityError struct{ Typed, Message string }

// readQuantity reads the field quantity of a form. It returns a quantityError if the value is not a quantity from low,
// or a 400 error unless there is exactly one value.
func readQuantity(form url.Values, low int) (int, *quantityError, error) {
	s, err := singleValue(form, "quantity")
	if err != nil {
		return 0, nil, err
	}
	n, ok := ParseQuantity(s, low)
	if ok {
		return n, nil, nil
	}
	typed, _ := readLine([]string{s})
	if utf8.RuneCountInString(typed) > maxTyped {
		typed = string([]rune(typed)[:maxTyped])
	}
	return 0, &quantityError{typed, "Enter a whole number from " + strconv.Itoa(low) + " to " + strconv.Itoa(store.MaxQuantity) + "."}, nil
}

var pricePattern = regexp.MustCompile(`^[0-9]{1,7}([.,][0-9]{1,2})?$`)

// ParsePrice reads a price in dollars, such as 25, $25 or 19.90, and returns it in cents; 0 for "". It reports false if
// s is not a price above zero.
func ParsePrice(s string) (cents int64, ok bool) {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "$"))
	if s == "" {
		return 0, true
	}
	if !pricePattern.MatchString(s) {
		return 0, false
	}
	dollars, rest, _ := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	cents, err := strconv.ParseInt(dollars+(rest + "00")[:2], 10, 64)
	return cents, err == nil && cents > 0
}

// formatPrice returns a price in the form that ParsePrice reads, or "" for 0.
func formatPrice(cents int64) string {
	switch {
	case cents == 0:
		return ""
	case cents%100 == 0:
		return strconv.FormatInt(cents/100, 10)
	}
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}

// CleanQuery returns the search text for the input s: without control characters, single-spaced, and cut to maxQuery
// characters.
func CleanQuery(s string) string {
	s = strings.ToValidUTF8(s, " ")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > maxQuery {
		s = strings.TrimSpace(string([]rune(s)[:maxQuery]))
	}
	return s
}

// ParseSort returns the order named s, or the first one if none has that name.
func ParseSort(s string) store.Sort {
	for _, o := range sortOrders {
		if s == string(o.sort) {
			return o.sort
		}
	}
	return sortOrders[0].sort
}

// sortOrders lists the orders of the catalogue, as shown in the menu.
var sortOrders = []struct {
	sort  store.Sort
	label string
}{
	{store.Featured, "Featured"},
	{store.Newest, "Newest"},
	{store.PriceUp, "Price, low to high"},
	{store.PriceDown, "Price, high to low"},
	{store.Name, "Name"},
	{store.BestRated, "Best rated"},
}

// isUnprintable reports whether r is a control character, or one that could change the direction of the text around it.
func isUnprintable(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// hasVisibleText reports whether s contains a visible character.
func hasVisibleText(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

// manyBreaks matches more line breaks than an empty line needs.
var manyBreaks = regexp.MustCompile(`\n[ \t]*\n\s*\n`)

// readText reads plain text with line breaks from a form field, with at most one empty line at a time. It removes
// characters that cannot be shown, and reports false if it removed any or the field has more than one value.
func readText(values []string) (v string, ok bool) {
	if len(values) == 0 {
		return "", true
	}
	ok = len(values) == 1 && utf8.ValidString(values[0])
	v = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && isUnprintable(r) {
			ok = false
			return -1
		}
		return r
	}, strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(values[0]))
	return strings.TrimSpace(manyBreaks.ReplaceAllString(v, "\n\n")), ok
}

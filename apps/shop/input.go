package shop

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse/apps/shop/store"
	"gatehouse/web"
)

// maxQuery is how many characters of a search count.
const maxQuery = 100

// posted is the form in the request's body.
func posted(c echo.Context) (url.Values, error) {
	if err := c.Request().ParseForm(); err != nil {
		return nil, web.Fail(http.StatusBadRequest, "bad_form", "The form that was sent can't be read.").Because(err)
	}
	return c.Request().PostForm, nil
}

// single is the value of a field that must be there once.
func single(form url.Values, name string) (string, error) {
	v := form[name]
	if len(v) != 1 {
		return "", web.Fail(http.StatusBadRequest, "bad_form", "The form must have the field \""+name+"\" once.")
	}
	return v[0], nil
}

// ParseQuantity reads how many of an article somebody wants: a whole number from
// low to [store.MaxQuantity], in plain digits.
func ParseQuantity(s string, low int) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 4 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= low && n <= store.MaxQuantity
}

func quantity(form url.Values, low int) (int, error) {
	s, err := single(form, "quantity")
	if err != nil {
		return 0, err
	}
	n, ok := ParseQuantity(s, low)
	if !ok {
		return 0, web.Invalid("The quantity is a whole number from " + strconv.Itoa(low) + " to " + strconv.Itoa(store.MaxQuantity) + ".")
	}
	return n, nil
}

// CleanQuery is what is searched for when somebody types s: text without control
// characters, single-spaced, cut to a sensible length.
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

// ParseSort is the order named s, the first one if there is none of that name.
func ParseSort(s string) store.Sort {
	for _, o := range orders {
		if s == string(o.sort) {
			return o.sort
		}
	}
	return orders[0].sort
}

// orders are the catalogue's, as the menu lists them.
var orders = []struct {
	sort  store.Sort
	label string
}{
	{store.Featured, "Featured"},
	{store.Newest, "Newest"},
	{store.PriceUp, "Price, low to high"},
	{store.PriceDown, "Price, high to low"},
	{store.Name, "Name"},
}

// productMissing is the 404 for an article that the shop does not have.
func productMissing() error { return web.NotFound("This product") }

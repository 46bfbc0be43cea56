package shop

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
)

// countries are the countries that the shop delivers to (ISO 3166-1 alpha-2).
var countries = []components.Option{
	{Value: "AT", Label: "Austria"}, {Value: "BE", Label: "Belgium"}, {Value: "CA", Label: "Canada"},
	{Value: "CZ", Label: "Czechia"}, {Value: "DK", Label: "Denmark"}, {Value: "FI", Label: "Finland"},
	{Value: "FR", Label: "France"}, {Value: "DE", Label: "Germany"}, {Value: "IE", Label: "Ireland"},
	{Value: "IT", Label: "Italy"}, {Value: "NL", Label: "Netherlands"}, {Value: "NO", Label: "Norway"},
	{Value: "PL", Label: "Poland"}, {Value: "PT", Label: "Portugal"}, {Value: "ES", Label: "Spain"},
	{Value: "SE", Label: "Sweden"}, {Value: "CH", Label: "Switzerland"}, {Value: "GB", Label: "United Kingdom"},
	{Value: "US", Label: "United States"},
}

// addressLine returns an address in one line.
func addressLine(a store.Address) string {
	return a.Name + ", " + a.Street + ", " + a.Postcode + " " + a.City
}

func countryName(code string) string {
	for _, o := range countries {
		if o.Value == code {
			return o.Label
		}
	}
	return code
}

var postcodePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 -]{1,10}[A-Za-z0-9]$`)

// ParseAddress reads an address from a form and returns it with the errors by field. Even with errors, the address has
// all text that can be shown again.
func ParseAddress(form url.Values) (store.Address, map[string]string) {
	faults := map[string]string{}
	text := func(name, label string, most int) string {
		v, ok := readLine(form[name])
		switch {
		case !ok:
			faults[name] = "Your " + label + " contains characters that we can't print."
		case v == "":
			faults[name] = "Enter your " + label + "."
		case utf8.RuneCountInString(v) > most:
			faults[name] = fmt.Sprintf("Your %s must be %d characters or fewer.", label, most)
			v = string([]rune(v)[:most])
		}
		return v
	}
	a := store.Address{
		Name:     text("name", "name", 100),
		Street:   text("street", "street and number", 200),
		Postcode: text("postcode", "postcode", 12),
		City:     text("city", "city", 100),
		Country:  text("country", "country", 2),
	}
	if faults["postcode"] == "" && !postcodePattern.MatchString(a.Postcode) {
		faults["postcode"] = "Enter a valid postcode."
	}
	if faults["country"] != "" || countryName(a.Country) == a.Country {
		a.Country, faults["country"] = "", "Choose a country from the list."
	}
	return a, faults
}

// readLine reads a single line of text from a form field. It replaces line breaks with spaces and removes characters
// that cannot be shown. It reports false if it removed any or the field has more than one value.
func readLine(values []string) (v string, ok bool) {
	if len(values) == 0 {
		return "", true
	}
	ok = len(values) == 1 && utf8.ValidString(values[0])
	v = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case isUnprintable(r):
			ok = false
			return -1
		}
		return r
	}, values[0])
	return strings.Join(strings.Fields(v), " "), ok
}

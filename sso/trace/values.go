package trace

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Maximum length of a value that is not shortened, and maximum number of values in a list.
const (
	maxValue  = 300
	maxValues = 24
)

// maxShown is the number of characters of a secret that are shown.
const maxShown = 6

// publicNames lists the parameters that are not secret, in the order in which they are shown. Of all others only the
// beginning is kept.
var publicNames = []string{
	"response_type", "response_mode", "grant_type", "client_id", "redirect_uri", "scope", "code_challenge_method", "prompt", "max_age", "resource",
	"reauth", "again", "iss", "error", "error_description", "token_type", "expires_in", "return_to",
}

// omittedNames lists the parameters whose values are not recorded.
var omittedNames = []string{"client_secret", "password", "email", "login_hint", "logout_hint", "name", "client_assertion"}

// Short returns the beginning of a secret, at most 6 characters and a quarter of it, and its length.
func Short(secret string) string {
	n := utf8.RuneCountInString(secret)
	if n == 0 {
		return ""
	}
	runes := []rune(secret)
	return fmt.Sprintf("%s… (%d characters)", string(runes[:min(maxShown, n/4)]), n)
}

// Values returns parameters as they are recorded: shortened or omitted if secret, non-secret ones first, at most 24.
func Values(in string, sent url.Values) []Value {
	out := make([]Value, 0, len(sent))
	for name, values := range sent {
		if len(values) > 0 {
			out = append(out, Value{in, truncate(name), displayValue(name, values[0])})
		}
	}
	slices.SortFunc(out, func(a, b Value) int {
		return cmp.Or(cmp.Compare(sortIndex(a.Name), sortIndex(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), maxValues)]
}

func sortIndex(name string) int {
	if i := slices.Index(publicNames, name); i >= 0 {
		return i
	}
	return len(publicNames)
}

// omitted replaces a value that is not recorded.
const omitted = "(not kept)"

func displayValue(name, value string) string {
	switch {
	case slices.Contains(omittedNames, name):
		return omitted
	case name == "return_to":
		return withoutQuery(value)
	case slices.Contains(publicNames, name):
		return truncate(value)
	}
	return Short(value)
}

// withoutQuery returns a local address without its query, which may hold the parameters of a pending request.
func withoutQuery(address string) string {
	path, _, asked := strings.Cut(address, "?")
	if asked {
		return truncate(path) + "?…"
	}
	return truncate(path)
}

// Location returns the address of a response's Location header and its parameters, or nil if it is empty or invalid.
func Location(location string) []Value {
	u, err := url.Parse(location)
	if location == "" || err != nil {
		return nil
	}
	out := []Value{{InHeader, "Location", Address(u)}}
	return append(out, Values(InLocation, u.Query())...)
}

// Address returns u without query, fragment and user.
func Address(u *url.URL) string {
	return truncate((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// Sent returns the query parameters of a request and the names of its cookies. Their values are not recorded: the
// request may have been made by a link from another person, who could look at it.
func Sent(r *http.Request) []Value {
	out := Values(InQuery, r.URL.Query())
	for _, k := range r.Cookies() {
		if len(out) < maxValues {
			out = append(out, Value{InCookie, truncate(k.Name), omitted})
		}
	}
	return out
}

// Cookies returns the names of the cookies that a response sets or deletes.
func Cookies(h http.Header) []Value {
	var out []Value
	for _, k := range (&http.Response{Header: h}).Cookies() {
		v := Value{InCookie, truncate(k.Name), omitted}
		if k.MaxAge < 0 || k.Value == "" {
			v.Text = "(removed)"
		}
		if len(out) < maxValues {
			out = append(out, v)
		}
	}
	return out
}

func truncate(s string) string {
	s = strings.ToValidUTF8(s, "")
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	return string([]rune(s)[:maxValue]) + "…"
}

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

// shown is the number of characters of a secret that are shown.
const shown = 6

// plain lists the parameters that are not secret, in the order in which they are shown. Of all others only the
// beginning is kept.
var plain = []string{
	"response_type", "response_mode", "grant_type", "client_id", "redirect_uri", "scope", "code_challenge_method", "prompt", "max_age", "resource",
	"reauth", "again", "iss", "error", "error_description", "token_type", "expires_in", "return_to",
}

// never lists the parameters whose values are not recorded.
var never = []string{"client_secret", "password", "email", "login_hint", "logout_hint", "name", "client_assertion"}

// Short returns the beginning of a secret, at most 6 characters and a quarter of it, and its length.
func Short(secret string) string {
	n := utf8.RuneCountInString(secret)
	if n == 0 {
		return ""
	}
	runes := []rune(secret)
	return fmt.Sprintf("%s… (%d characters)", string(runes[:min(shown, n/4)]), n)
}

// Values returns parameters as they are recorded: shortened or omitted if secret, non-secret ones first, at most 24.
func Values(in string, sent url.Values) []Value {
	out := make([]Value, 0, len(sent))
	for name, values := range sent {
		if len(values) > 0 {
			out = append(out, Value{in, cut(name), text(name, values[0])})
		}
	}
	slices.SortFunc(out, func(a, b Value) int {
		return cmp.Or(cmp.Compare(place(a.Name), place(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), maxValues)]
}

func place(name string) int {
	if i := slices.Index(plain, name); i >= 0 {
		return i
	}
	return len(plain)
}

// notKept replaces a value that is not recorded.
const notKept = "(not kept)"

func text(name, value string) string {
	switch {
	case slices.Contains(never, name):
		return notKept
	case name == "return_to":
		return way(value)
	case slices.Contains(plain, name):
		return cut(value)
	}
	return Short(value)
}

// way returns a local address without its query, which may hold the parameters of a pending request.
func way(address string) string {
	path, _, asked := strings.Cut(address, "?")
	if asked {
		return cut(path) + "?…"
	}
	return cut(path)
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
	return cut((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// Sent returns the query parameters of a request and the names of its cookies. Their values are not recorded: the
// request may have been made by a link from another person, who could look at it.
func Sent(r *http.Request) []Value {
	out := Values(InQuery, r.URL.Query())
	for _, k := range r.Cookies() {
		if len(out) < maxValues {
			out = append(out, Value{InCookie, cut(k.Name), notKept})
		}
	}
	return out
}

// Cookies returns the names of the cookies that a response sets or deletes.
func Cookies(h http.Header) []Value {
	var out []Value
	for _, k := range (&http.Response{Header: h}).Cookies() {
		v := Value{InCookie, cut(k.Name), notKept}
		if k.MaxAge < 0 || k.Value == "" {
			v.Text = "(removed)"
		}
		if len(out) < maxValues {
			out = append(out, v)
		}
	}
	return out
}

func cut(s string) string {
	s = strings.ToValidUTF8(s, "")
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	return string([]rune(s)[:maxValue]) + "…"
}

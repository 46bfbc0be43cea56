package returnto

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxLength is the maximum length of an accepted address, in bytes.
const maxLength = 4096

// Local returns s if it is a path of this site, optionally with a query, and "" otherwise. An open redirect (RFC 9700
// §4.11) begins with something that only looks like a path: //evil.example, /\evil.example.
func Local(s string) string { return Within(s, maxLength) }

// Within does the same as [Local] for addresses of at most maxBytes.
func Within(s string, maxBytes int) string {
	if len(s) > maxBytes || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return ""
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r == 0x7f || r == '\\' }) {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") {
		return ""
	}
	return s
}

// Or returns Local(s), or def if that is "".
func Or(s, def string) string {
	if l := Local(s); l != "" {
		return l
	}
	return def
}

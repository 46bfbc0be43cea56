//go:build unix

package hostile_test

import (
	"net/url"
	"strings"
)

// mark is in everything that must not come back as it is: a tag that no page of ours has.
const mark = `"'><x-hostile onload=alert(1)>`

// value is one that a parameter may hold instead of a good one.
type value struct{ name, value string }

// bad are values that something in the estate might stumble over: a page, a parser, a header, a redirect.
var bad = append([]value{
	{"space", " \t "},
	{"script URL", "javascript:alert(1)//x-hostile"},
	{"bidi", "a\u202etxt.exe\u2066"},
	{"new header", "a\r\nX-Injected: yes\r\n\r\n<x-hostile>"},
	{"float", "1e309"},
	{"not a number", "NaN"},
	{"list", `["a","b"]`},
	{"object", `{"$gt":""}`},
	{"template", "{{.}}${7*7}<%= 7 %>"},
	{"format", "%s%n%d%!(EXTRA)"},
	{"file", "../../../../etc/passwd"},
	{"encoded file", "..%2f..%2fetc%2fpasswd"},
	{"other site", "https://evil.example/x"},
	{"other site, no scheme", "//evil.example/x"},
	{"other site, backslash", `/\evil.example/x`},
	{"other site, tab", "/\t/evil.example/x"},
	{"other site, user", "http://portal.localhost@evil.example/"},
	{"JWT without signature", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."},
}, badData...)

// badData are values that a database, too, might stumble over.
var badData = []value{
	{"empty", ""},
	{"HTML", mark},
	{"SQL", `x' OR '1'='1'; DROP TABLE users; --`},
	{"LIKE", `%_\!`},
	{"NUL", "a\x00b"},
	{"control", "a\x01\x1b[31mb\x7f"},
	{"not UTF-8", "\xff\xfe\xc0\xaf"},
	{"surrogate", "\xed\xa0\x80"},
	{"negative", "-1"},
	{"too great", "99999999999999999999"},
	{"just too great", "2147483648"},
	{"enormous", strings.Repeat("A", 100<<10)},
	{"enormous runes", strings.Repeat("\U0001F512", 5<<10)},
	{"zero width", "\u200b\ufeff"},
}

func values(dataOnly bool) []value {
	if dataOnly {
		return badData
	}
	return bad
}

// variant is one bad set of parameters.
type variant struct {
	name   string
	values url.Values
}

// spoiled are the variants of good parameters: each in turn given each bad value, missing, doubled or made a list.
func spoiled(good url.Values, dataOnly bool) []variant {
	var all []variant
	add := func(name string, change func(url.Values)) {
		v := url.Values{}
		for key, values := range good {
			v[key] = append([]string(nil), values...)
		}
		change(v)
		all = append(all, variant{name, v})
	}
	for key := range good {
		for _, b := range values(dataOnly) {
			add(key+" "+b.name, func(v url.Values) { v.Set(key, b.value) })
		}
		add(key+" doubled and different", func(v url.Values) { v.Add(key, mark) })
		if dataOnly {
			continue
		}
		add(key+" missing", func(v url.Values) { v.Del(key) })
		add(key+" doubled", func(v url.Values) { v.Add(key, v.Get(key)) })
		add(key+" as a list", func(v url.Values) { v[key+"[]"] = v[key]; v[key+"[0]"] = v[key]; v.Del(key) })
	}
	add("everything missing", func(v url.Values) { clear(v) })
	add("unknown parameter", func(v url.Values) { v.Set(mark, mark) })
	return all
}

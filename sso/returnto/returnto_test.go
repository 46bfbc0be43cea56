package returnto_test

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse.example/sso/returnto"
)

func TestLocal_Table(t *testing.T) {
	for in, want := range map[string]string{
		"/":                             "/",
		"/orders?page=2&q=a%20b#x":      "/orders?page=2&q=a%20b#x",
		"/oauth/authorize?state=//":     "/oauth/authorize?state=//",
		"":                              "",
		"orders":                        "",
		"//evil.example":                "",
		"/\\evil.example":               "",
		"/%2fevil.example":              "",
		"///evil.example":               "",
		"https://evil.example/":         "",
		"javascript:alert(1)":           "",
		"/a\nb":                         "",
		"/a\tb":                         "",
		" /a":                           "",
		"/\xff":                         "",
		"/" + strings.Repeat("a", 5000): "",
	} {
		if got := returnto.Local(in); got != want {
			t.Errorf("Local(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever comes out leads, for a browser that resolves it, to the same origin.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/", "//a", "/\\a", "/a?b#c", "/%2f%2fa", "/a/../..//b"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://shop.example/page")
	f.Fuzz(func(t *testing.T, s string) {
		got := returnto.Local(s)
		if got == "" {
			return
		}
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != "shop.example" {
			t.Fatalf("Local(%q) leads to %v (%v)", s, u, err)
		}
	})
}

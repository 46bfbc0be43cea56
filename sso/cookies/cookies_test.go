package cookies_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatehouse.example/sso/cookies"
)

func TestValues_AreTheFirstThreeThatAreWellFormed(t *testing.T) {
	short := func(v string) bool { return v != "" && len(v) < 3 }
	for sent, want := range map[string][]string{
		"":                               nil,
		"other=a; named=b":               nil,
		"name=a":                         {"a"},
		"name=b; other=x; name=a":        {"b", "a"},
		"name=a; name=a; name=b":         {"a", "b"},
		"name=a; name=b; name=c; name=d": {"a", "b", "c"},
		"name=; name=xxx; name=yyy; name=zzz; name=a": {"a"},
		strings.Repeat("name=xxx; ", 2000) + "name=a": {"a"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Cookie", sent)
		if got := cookies.Values(r, "name", short); !slices.Equal(got, want) {
			t.Errorf("%.60q: %q, want %q", sent, got, want)
		}
	}
}

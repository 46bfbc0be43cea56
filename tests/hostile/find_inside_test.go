//go:build unix

package hostile_test

import "testing"

func TestFindInside_FindsEachTrace(t *testing.T) {
	for _, trace := range []string{
		"goroutine 7", "runtime error", "main.go:12", "SQLSTATE", "SQL logic", "constraint failed", "WRONGTYPE", "panic:", "/go/pkg/mod/", "sql: ", "redis: ",
	} {
		if findInside("<p>Before "+trace+" after</p>") == "" {
			t.Errorf("%q is not found", trace)
		}
	}
	if found := findInside("<p>goroutine, main.go: and nothing else</p>"); found != "" {
		t.Errorf("%q is taken for a trace", found)
	}
}

package portal_test

import (
	"strings"
	"testing"

	"gatehouse.example/tests/env"
)

func TestAuthorize_FindsTheCookieOfItsTraceBehindMalformedOnes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.Transport = env.MalformedCookies{Next: b.Transport}
		for i, want := range []bool{true, false} {
			set := strings.Join(h.get(b, "/oauth/authorize").header["Set-Cookie"], "\n")
			if got := strings.Contains(set, "portal_trace="); got != want {
				t.Errorf("request %d was answered with the cookies %q", i+1, set)
			}
		}
	})
}

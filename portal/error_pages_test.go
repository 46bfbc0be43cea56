package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

// The page of an error is made after the handler's deadline: it still finds out who is signed in.
func TestErrorPage_KnowsWhoIsSignedIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAlice()
		a := h.get(b, "/no-such-page").must(t, http.StatusNotFound, "Page not found")
		if strings.Contains(a.body, "Account unavailable") || !strings.Contains(a.body, "Alice Demo") {
			t.Errorf("the page does not know who is signed in: %s", a.body)
		}
	})
}

package portal_test

import (
	"net/http"
	"testing"
)

func TestSignOut_Everywhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, elsewhere := h.browser(), h.browser()
		_, access, _ := opened(h, b)
		opened(h, elsewhere)
		if a := h.post(b, "/sign-out/everywhere", nil); a.status != http.StatusSeeOther || a.to.Path != "/signed-out" {
			t.Fatalf("answered %d to %v", a.status, a.to)
		}
		for _, browser := range []*http.Client{b, elsewhere} {
			if a := h.get(browser, authorizeURL("prompt", "none")); a.to.Query().Get("error") != "login_required" {
				t.Errorf("still signed in: %v", a.to)
			}
		}
		if a := h.userinfo(access); a.status != http.StatusUnauthorized {
			t.Errorf("userinfo answered %d", a.status)
		}
		for _, client := range []string{"/one", "/two"} { // one logout token for each sign-in
			if n := len(h.apps.heard(client)); n != 2 {
				t.Errorf("%s heard %d logout tokens", client, n)
			}
		}
		if n := h.waiting(); n != 0 {
			t.Errorf("%d notices wait", n)
		}
		var events int
		if err := h.db.GetContext(t.Context(), &events, `SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_out'`); err != nil || events != 1 {
			t.Errorf("%d sign_out events, %v", events, err)
		}
	})
}

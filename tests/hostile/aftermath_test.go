//go:build unix

package hostile_test

import (
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keepToThemselves checks that what belongs to one person is not there for another who knows its id.
func (h *house) keepToThemselves(t *testing.T) {
	for _, tc := range []struct {
		as                          who
		service, method, path, form string
		want                        int
	}{
		{customer, "shop", http.MethodGet, "/orders/" + h.values[":id"], "", http.StatusOK},
		{moderator, "shop", http.MethodGet, "/orders/" + h.values[":id"], "", http.StatusNotFound},
		{moderator, "portal", http.MethodPost, "/sessions/" + h.values[":sid"] + "/end", "", http.StatusNotFound},
		{customer, "forum", http.MethodGet, "/posts/" + h.values[":post"] + "/edit", "", http.StatusOK},
		{moderator, "forum", http.MethodGet, "/posts/" + h.values[":post"] + "/edit", "", http.StatusForbidden},
		{moderator, "forum", http.MethodPost, "/posts/" + h.values[":post"] + "/edit", "title=A+question&body=Mine&version=1", http.StatusForbidden},
		{customer, "forum", http.MethodPost, "/posts/" + h.values[":post"] + "/moderate", "action=pin", http.StatusForbidden},
		{customer, "forum", http.MethodGet, "/moderation", "", http.StatusForbidden},
	} {
		res, _ := h.do(t, h.request(t, tc.as, tc.service, tc.method, tc.path, tc.form))
		if res.StatusCode != tc.want {
			t.Errorf("%s %s%s as visitor %d: %s, want %d", tc.method, tc.service, tc.path, tc.as, res.Status, tc.want)
		}
	}
}

// signedInStill checks that nobody was signed out by what strangers sent, and that the pages are still there.
func (h *house) signedInStill(t *testing.T) {
	for as, page := range map[who][2]string{customer: {"shop", "/orders"}, moderator: {"forum", "/moderation"}, analyst: {"analytics", "/"}} {
		if res, _ := h.do(t, h.request(t, as, page[0], http.MethodGet, page[1], "")); res.StatusCode != http.StatusOK {
			t.Errorf("%s%s: %s", page[0], page[1], res.Status)
		}
	}
	if res, _ := h.do(t, h.request(t, customer, "portal", http.MethodGet, "/profile", "")); res.StatusCode != http.StatusOK {
		t.Errorf("/profile: %s", res.Status)
	}
}

// jwt is a signed JSON web token.
var jwt = regexp.MustCompile(`eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}`)

func (h *house) checkLogs(t *testing.T) {
	for file, text := range h.logs(t) {
		if i := strings.Index(text, `"level":"ERROR"`); i >= 0 {
			t.Errorf("%s has an error: %s", file, strings.SplitN(text[i:], "\n", 2)[0])
		}
		if found := jwt.FindString(text); found != "" {
			t.Errorf("%s holds a token: %s", file, found)
		}
		for _, s := range h.secrets {
			if len(s) > 8 && strings.Contains(text, s) {
				t.Errorf("%s holds a secret: %s", file, s)
			}
		}
	}
}

// checkMetrics checks that what strangers make up does not become a series of its own.
func (h *house) checkMetrics(t *testing.T) {
	routes := tables(t)
	label := regexp.MustCompile(`gatehouse_http_requests_total\{method="([^"]*)",route="([^"]*)"`)
	address := regexp.MustCompile(`"msg":"ready".*"metrics":"([^"]+)"`)
	for file, text := range h.logs(t) {
		service, _, _ := strings.Cut(file, "-")
		at := address.FindStringSubmatch(text)
		if routes[service] == nil || at == nil {
			continue
		}
		res, err := http.Get("http://" + at[1] + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		known := map[string]bool{"none": true}
		for _, r := range routes[service] {
			known[r[strings.IndexByte(r, ' ')+1:]] = true
		}
		odd := map[string]bool{}
		for _, m := range label.FindAllStringSubmatch(string(body), -1) {
			if !known[m[2]] || !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}, m[1]) {
				odd[m[0]] = true
			}
		}
		if len(odd) > 0 {
			t.Errorf("%s: %d series that nobody meant, such as %s", file, len(odd), slices.Sorted(maps.Keys(odd))[0])
		}
	}
}

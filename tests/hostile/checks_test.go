//go:build unix

package hostile_test

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// insideWords and insidePatterns are traces of a program's insides, which no answer shows. A pattern begins with a
// literal: the search for a literal is many times as fast as one for a single expression that holds all of these.
var (
	insideWords = []string{
		"runtime error", "SQLSTATE", "SQL logic", "constraint failed", "WRONGTYPE", "panic:", "/go/pkg/mod/", "sql: ", "redis: ",
	}
	insidePatterns = []*regexp.Regexp{regexp.MustCompile(`goroutine \d+`), regexp.MustCompile(`\.go:\d+`)}
)

// findInside returns the first trace of a program's insides that it finds in body, or "".
func findInside(body string) string {
	for _, word := range insideWords {
		if strings.Contains(body, word) {
			return word
		}
	}
	for _, pattern := range insidePatterns {
		if found := pattern.FindString(body); found != "" {
			return found
		}
	}
	return ""
}

// statuses are those that a bad request may get.
var statuses = []int{200, 204, 302, 303, 304, 307, 400, 401, 403, 404, 405, 409, 410, 413, 415, 421, 422, 429, 431}

// faultsOf are the things wrong with an answer to a request for path of service.
func (h *house) faultsOf(req *http.Request, res *http.Response, body string) (faults []string) {
	wrong := func(what string) { faults = append(faults, what) }
	header := res.Header
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if !slices.Contains(statuses, res.StatusCode) {
		wrong("status " + res.Status)
	}
	if inside := findInside(body); inside != "" {
		wrong("it shows its insides: " + inside)
	}
	if header.Get("X-Injected") != "" {
		wrong("a header was injected")
	}
	if kind != "application/json" && strings.Contains(body, "<x-hostile") || strings.Contains(body, `"'&gt;&lt;x-hostile`) {
		wrong("HTML comes back as it was sent")
	}
	for _, attribute := range []string{"href", "src", "action", "hx-get", "hx-post"} {
		if strings.Contains(body, attribute+`="javascript:`) {
			wrong("a script URL comes back as a link")
		}
	}
	if header.Get("X-Served-By") == "" { // net/http or the balancer refused it before a replica saw it
		return faults
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Content-Security-Policy": "frame-ancestors 'none'",
	} {
		if !strings.Contains(header.Get(name), want) {
			wrong("no " + name)
		}
	}
	if strings.Contains(header.Get("Content-Security-Policy"), "unsafe") || header.Get("X-Request-Id") == "" {
		wrong("an unsafe policy, or no request id")
	}
	if (kind == "text/html" && body != "" || res.StatusCode >= 400) && !strings.Contains(header.Get("Cache-Control"), "no-store") {
		wrong("it may be cached: " + header.Get("Cache-Control"))
	}
	for _, c := range res.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.Value) > 1000 {
			wrong("a careless cookie: " + c.String())
		}
	}
	if to := header.Get("Location"); !h.ours(to) {
		wrong("it leads to " + to)
	}
	if to := header.Get("HX-Redirect"); !h.ours(to) {
		wrong("it leads htmx to " + to)
	}
	forProgram := slices.ContainsFunc(programs, func(p string) bool { return strings.HasPrefix(req.URL.Path, p) })
	if res.StatusCode >= 400 && req.Method != http.MethodHead {
		var told struct {
			Error string `json:"error"`
		}
		switch {
		case forProgram && (kind != "application/json" || json.Unmarshal([]byte(body), &told) != nil || told.Error == ""):
			wrong("an error that a program can't read: " + kind)
		case !forProgram && kind != "text/html" && !strings.HasPrefix(req.URL.Path, "/assets/") && kind != "application/json":
			wrong("an error that is no page: " + kind)
		}
	}
	return faults
}

// ours reports whether a redirect to this address is one of ours: within the site, within the estate, or to an
// address that the client "hostile" has registered.
func (h *house) ours(to string) bool {
	if to == "" {
		return true
	}
	u, err := url.Parse(to)
	if err != nil || strings.ContainsAny(to, "\\\t\r\n ") {
		return false
	}
	if u.Host == "" {
		return u.Scheme == "" && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//")
	}
	for _, service := range services {
		if u.Scheme+"://"+u.Host == h.URL(service) {
			return true
		}
	}
	without, _, _ := strings.Cut(to, "?")
	return without == callback || without == afterwards
}

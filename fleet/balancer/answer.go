package balancer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// page is a response of the balancer itself, sent if no backend responds.
type page struct {
	Status  int
	Code    string // stable, for programs
	Title   string
	Message string
	Retry   int // seconds for Retry-After (RFC 9110 §10.2.3); 0 for none
}

var (
	unavailable = page{http.StatusServiceUnavailable, "unavailable", "Back in a moment",
		"None of this app's servers is responding. They're restarting, so please try again in a few seconds. If you were signed in, you still are.", 2}
	broken = page{http.StatusBadGateway, "connection_lost", "Connection lost",
		"We lost the connection to the server. Please try again.", 2}
	timeout = page{http.StatusGatewayTimeout, "timeout", "This is taking too long",
		"The server didn't respond in time. Please try again.", 2}
	// For requests that may have changed something.
	brokenChange = page{http.StatusBadGateway, "connection_lost", "Connection lost",
		"We lost the connection to the server, so we don't know whether your change was saved. Please check before you send it again.", 0}
	timeoutChange = page{http.StatusGatewayTimeout, "timeout", "This is taking too long",
		"The server didn't respond in time, so we don't know whether your change was saved. Please check before you send it again.", 0}
	tooSlow = page{http.StatusRequestTimeout, "request_timeout", "Request timed out",
		"Your request didn't arrive completely in time. Please send it again.", 0}
	badBody = page{http.StatusBadRequest, "bad_request", "Incomplete request",
		"Your request didn't arrive completely. Please send it again.", 0}
)

func misdirected(host string) page {
	return page{http.StatusMisdirectedRequest, "unknown_host", "Unknown address",
		"There's no app at “" + host + "”. Please check the address.", 0}
}

//go:embed answer.css
var styles string

//go:embed answer.html
var markup string

var (
	pages = template.Must(template.New("page").Parse(markup))
	// The page contains its own style sheet, because there may be no server left to serve one; the policy allows only
	// it, by its hash (CSP Level 3 §6.7.3.3).
	policy = func() string {
		sum := sha256.Sum256([]byte(styles))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}()
)

// writePage writes p as JSON for programs, as a fragment for htmx (which swaps it into a page with its own styles) and
// otherwise as a page.
func writePage(w http.ResponseWriter, r *http.Request, p page) {
	servedBy(w)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusRequestTimeout || p.Status == http.StatusBadRequest {
		h.Set("Connection", "close") // the rest of this request must not be read as the next one
	}
	if p.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.Retry))
	}
	accept := r.Header.Get("Accept")
	if strings.HasPrefix(r.URL.Path, "/api/") || strings.Contains(accept, "json") && !strings.Contains(accept, "text/html") {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": p.Code, "error_description": p.Message})
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	name := "page"
	if r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-Boosted") != "true" {
		name = "answer"
	}
	view := struct {
		page
		Styles template.CSS
		Again  bool
	}{p, template.CSS(styles), p.Retry > 0 && r.Method == http.MethodGet}
	w.WriteHeader(p.Status)
	_ = pages.ExecuteTemplate(w, name, view) // fails only if the client is gone
}

// servedBy sets the header of responses that no replica sent.
func servedBy(w http.ResponseWriter) { w.Header().Set("X-Served-By", "balancer") }

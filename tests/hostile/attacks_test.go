//go:build unix

package hostile_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// attack is one bad request.
type attack struct {
	name string
	req  *http.Request
}

// knock is a request to an endpoint, good but for what the caller changes.
func (h *house) knock(t *testing.T, service string, d endpoint, path, query, form string) *http.Request {
	t.Helper()
	as := d.as
	if d.once {
		as = guest
	}
	if query != "" {
		path += "?" + query
	}
	req := h.request(t, as, service, d.method(), path, form)
	if as == client && strings.HasPrefix(path, "/api/") {
		req.Header.Set("Authorization", "Bearer "+h.bearer[service])
	}
	return req
}

// parameters are the requests to the endpoints of a service with a bad parameter.
func (h *house) parameters(t *testing.T, service string, dataOnly bool) (all []attack) {
	for _, d := range endpoints[service] {
		query, form, path := h.parse(t, d.query), h.parse(t, d.form), h.fill(service, d.path())
		add := func(name, path, query, form string) {
			all = append(all, attack{service + " " + d.route + ": " + name, h.knock(t, service, d, path, query, form)})
		}
		for _, v := range spoiled(query, dataOnly) {
			add("query: "+v.name, path, v.values.Encode(), form.Encode())
		}
		if d.method() != http.MethodGet {
			for _, v := range spoiled(form, dataOnly) {
				add("form: "+v.name, path, query.Encode(), v.values.Encode())
			}
			add("form in the address", path, form.Encode(), "")
		}
		if at := parameter.FindString(d.path()); at != "" {
			for _, b := range values(dataOnly) {
				add("path: "+b.name, h.fill(service, strings.Replace(d.path(), at, url.PathEscape(b.value), 1)), query.Encode(), form.Encode())
			}
		}
	}
	return all
}

// envelopes are the requests with everything bad but the parameters: methods, bodies, cookies and headers.
func (h *house) envelopes(t *testing.T, service string) (all []attack) {
	for _, d := range endpoints[service] {
		query, form, path := h.parse(t, d.query).Encode(), h.parse(t, d.form).Encode(), h.fill(service, d.path())
		for name, change := range envelopes {
			req := h.knock(t, service, d, path, query, form)
			change(req, form)
			all = append(all, attack{service + " " + d.route + ": " + name, req})
		}
		for _, b := range bad {
			if strings.ContainsAny(b.value, "\x00\r\n\x01\x7f\x1b") { // no client can send these in a header
				continue
			}
			req := h.knock(t, service, d, path, query, form)
			spoilHeaders(req, service, b.value)
			all = append(all, attack{service + " " + d.route + ": headers: " + b.name, req})
		}
	}
	return all
}

// spoilHeaders puts value wherever a header is read. Cookies of a session stay: behind them is more to break.
func spoilHeaders(req *http.Request, service, value string) {
	cookies := []string{req.Header.Get("Cookie"), "flash=" + value, "theme=" + value}
	for _, name := range []string{"flow", "guest", "draft", "signout", "cart", "device", "session"} {
		cookies = append(cookies, service+"_"+name+"="+value)
	}
	req.Header.Set("Cookie", strings.Join(cookies, "; "))
	for _, name := range []string{
		"User-Agent", "Referer", "HX-Current-URL", "HX-Target", "X-Forwarded-For", "X-Forwarded-Host", "X-Request-Id", "Accept",
		"Accept-Language", "If-None-Match", "If-Modified-Since", "Range", "Sec-Fetch-Mode", "Last-Event-ID",
	} {
		req.Header.Set(name, value[:min(len(value), 2000)])
	}
}

// envelopes spoil everything but the parameters.
var envelopes = map[string]func(req *http.Request, form string){
	"good":            func(*http.Request, string) {},
	"guest":           func(req *http.Request, _ string) { req.Header.Del("Cookie"); req.Header.Del("Authorization") },
	"htmx":            func(req *http.Request, _ string) { req.Header.Set("HX-Request", "true") },
	"JSON wanted":     func(req *http.Request, _ string) { req.Header.Set("Accept", "application/json") },
	"HEAD":            func(req *http.Request, _ string) { req.Method, req.Body, req.ContentLength = http.MethodHead, nil, 0 },
	"PUT":             func(req *http.Request, _ string) { req.Method = http.MethodPut },
	"DELETE":          func(req *http.Request, _ string) { req.Method = http.MethodDelete },
	"OPTIONS":         func(req *http.Request, _ string) { req.Method = http.MethodOptions },
	"TRACE":           func(req *http.Request, _ string) { req.Method = http.MethodTrace },
	"made-up method":  func(req *http.Request, _ string) { req.Method = "X-HOSTILE" },
	"method override": func(req *http.Request, _ string) { req.Header.Set("X-HTTP-Method-Override", "DELETE") },
	"other site": func(req *http.Request, _ string) {
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		req.Header.Set("Origin", "https://evil.example")
	},
	"no origin":   func(req *http.Request, _ string) { req.Header.Set("Origin", "null"); req.Header.Del("Sec-Fetch-Site") },
	"JSON":        func(req *http.Request, _ string) { send(req, "application/json", `{"a":[1,{"b":null}]}`) },
	"broken JSON": func(req *http.Request, _ string) { send(req, "application/json", `{"a":`) },
	"XML": func(req *http.Request, _ string) {
		send(req, "text/xml", `<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>`)
	},
	"broken form":  func(req *http.Request, _ string) { send(req, "application/x-www-form-urlencoded", "a=%zz&%=;b;;&=") },
	"broken query": func(req *http.Request, _ string) { req.URL.RawQuery = "a=%zz&%;b=;" },
	"thousands of fields": func(req *http.Request, _ string) {
		send(req, "application/x-www-form-urlencoded", strings.Repeat("a=1&", 20_000))
	},
	"two megabytes": func(req *http.Request, _ string) {
		send(req, "application/x-www-form-urlencoded", "a="+strings.Repeat("A", 2<<20))
	},
	"two megabytes without a length": func(req *http.Request, _ string) {
		send(req, "application/x-www-form-urlencoded", "a="+strings.Repeat("A", 2<<20))
		req.ContentLength = -1
	},
	"no type":     func(req *http.Request, form string) { send(req, "", form) },
	"broken type": func(req *http.Request, form string) { send(req, "application/x-www-form-urlencoded; ;=\"", form) },
	"multipart":   func(req *http.Request, form string) { send(req, "multipart/form-data; boundary=b", parts(form)) },
	"broken multipart": func(req *http.Request, _ string) {
		send(req, "multipart/form-data", "--b\r\nContent-Disposition: form-data")
	},
	"bad bearer": func(req *http.Request, _ string) { req.Header.Set("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.") },
	"bad basic":  func(req *http.Request, _ string) { req.Header.Set("Authorization", "Basic !!!") },
	"two Authorizations": func(req *http.Request, _ string) {
		req.Header["Authorization"] = []string{"Bearer a.b.c", "Basic YTpi"}
	},
}

func send(req *http.Request, kind, body string) {
	req.Header.Set("Content-Type", kind)
	req.Body, req.ContentLength, req.GetBody = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil
}

// parts is a form as multipart/form-data with the boundary b.
func parts(form string) string {
	var b strings.Builder
	values, _ := url.ParseQuery(form)
	for name := range values {
		b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + values.Get(name) + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

var parameter = regexp.MustCompile(`:[a-z]+|\*`)

// fill puts good values into the parameters of a route's path: the service's own, or what is good for all.
func (h *house) fill(service, path string) string {
	return parameter.ReplaceAllStringFunc(path, func(name string) string {
		if own, ok := h.values[service+name]; ok {
			return own
		}
		return h.values[name]
	})
}

func (h *house) parse(t *testing.T, good string) url.Values {
	t.Helper()
	for name, value := range h.values {
		good = strings.ReplaceAll(good, name, url.QueryEscape(value))
	}
	values, err := url.ParseQuery(good)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

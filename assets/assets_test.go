package assets_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/assets"
)

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	server := httptest.NewServer(assets.Handler())
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity") // else Go's client asks for gzip and undoes it
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPath_IsHashedAndStable(t *testing.T) {
	first := assets.Path("app.css")
	if !regexp.MustCompile(`^/assets/app\.[0-9a-f]{8}\.css$`).MatchString(first) {
		t.Errorf("path %q has no hash", first)
	}
	if again := assets.Path("app.css"); again != first {
		t.Errorf("path changed from %q to %q", first, again)
	}
}

func TestHandler_ServesEveryFileForEver(t *testing.T) {
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2",
		".txt": "text/plain; charset=utf-8",
	}
	names := assets.Names()
	if len(names) < 8 {
		t.Fatalf("only %v are embedded; run npm run css", names)
	}
	for _, name := range names {
		res := get(t, http.MethodGet, assets.Path(name))
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s answered %d", name, res.StatusCode)
		}
		if got, want := res.Header.Get("Content-Type"), types[name[strings.LastIndex(name, "."):]]; got != want {
			t.Errorf("%s has type %q, want %q", name, got, want)
		}
		if got := res.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s has Cache-Control %q", name, got)
		}
		if body(t, res.Body) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestHandler_CompressesForThoseWhoAccept(t *testing.T) {
	plain := body(t, get(t, http.MethodGet, assets.Path("app.css")).Body)
	for _, accept := range []string{"gzip", "br, GZIP;q=0.5"} {
		res := get(t, http.MethodGet, assets.Path("app.css"), "Accept-Encoding", accept)
		if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%q: not compressed: %v", accept, res.Header)
		}
		unzip, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body(t, unzip) != plain {
			t.Errorf("%q: another content than uncompressed", accept)
		}
	}
	for _, accept := range []string{"gzip;q=0", "br", "gzip;q=x"} {
		if got := get(t, http.MethodGet, assets.Path("app.css"), "Accept-Encoding", accept).Header.Get("Content-Encoding"); got != "" {
			t.Errorf("%q: answered in %q", accept, got)
		}
	}
	if got := get(t, http.MethodGet, assets.Path("inter-latin.woff2"), "Accept-Encoding", "gzip").Header.Get("Content-Encoding"); got != "" {
		t.Errorf("the font, compressed already, was compressed again")
	}
}

func TestHandler_RefusesTheUnknown(t *testing.T) {
	for _, path := range []string{
		"/assets/", "/assets/app.css", "/assets/app.00000000.css", "/assets/../go.mod", "/assets/%2e%2e/go.mod", "/assets/static/app.css", "/", "/assets/%00",
	} {
		res := get(t, http.MethodGet, path)
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s answered %d", path, res.StatusCode)
		}
		if got := res.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s has Cache-Control %q", path, got)
		}
	}
	if res := get(t, http.MethodPost, assets.Path("app.css")); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST answered %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
}

func TestHandler_AnswersHeadAndConditionalRequests(t *testing.T) {
	whole := get(t, http.MethodGet, assets.Path("app.js"))
	head := get(t, http.MethodHead, assets.Path("app.js"))
	if head.StatusCode != http.StatusOK || head.ContentLength != whole.ContentLength || body(t, head.Body) != "" {
		t.Errorf("HEAD answered %d with length %d", head.StatusCode, head.ContentLength)
	}
	res := get(t, http.MethodGet, assets.Path("app.js"), "If-None-Match", whole.Header.Get("ETag"))
	if res.StatusCode != http.StatusNotModified {
		t.Errorf("a known ETag answered %d", res.StatusCode)
	}
}

func TestStyleSheet_RefersToTheHashedFont(t *testing.T) {
	css := body(t, get(t, http.MethodGet, assets.Path("app.css")).Body)
	if !strings.Contains(css, assets.Path("inter-latin.woff2")) {
		t.Error("the sheet does not ask for the font that pages preload")
	}
	if strings.Contains(css, "url(./") || strings.Contains(css, `url("./`) {
		t.Error("the sheet refers to a file by its plain name, which is not served")
	}
	if m := regexp.MustCompile(`url\("?https?:|@import`).FindString(css); m != "" {
		t.Errorf("the sheet reaches outside: %s", m)
	}
}

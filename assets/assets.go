package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the URL path at which Handler must be mounted.
const Prefix = "/assets/"

//go:embed static
var static embed.FS

type file struct {
	body        []byte
	contentType string
	compress    bool
	// gzipped returns the compressed body. It compresses at the first request that accepts gzip, once per process: most
	// replicas never serve a given file.
	gzipped func() []byte
}

type index struct {
	paths map[string]string // app.css → /assets/app.3f2a9c1b.css
	files map[string]*file  // app.3f2a9c1b.css → its content
}

// load builds the index on first use, so that it does not delay a replica's start.
var load = sync.OnceValue(buildIndex)

func buildIndex() *index {
	ix := &index{paths: map[string]string{}, files: map[string]*file{}}
	entries, err := static.ReadDir("static")
	if err != nil {
		panic("assets: the embedded folder is unreadable: " + err.Error()) // happens only if the build is broken
	}
	var sheets []string
	for _, e := range entries {
		switch {
		case e.IsDir():
		case path.Ext(e.Name()) == ".css":
			sheets = append(sheets, e.Name()) // later: they refer to the other files
		default:
			ix.add(e.Name(), read(e.Name()))
		}
	}
	for _, name := range sheets {
		ix.add(name, ix.resolve(read(name)))
	}
	return ix
}

func read(name string) []byte {
	body, err := static.ReadFile("static/" + name)
	if err != nil {
		panic("assets: " + err.Error())
	}
	return body
}

// resolve replaces each url() of a style sheet by the hashed name, so that the font which a page preloads and the font
// in the sheet are one download.
func (ix *index) resolve(css []byte) []byte {
	for name, hashed := range ix.paths {
		for _, form := range []string{"url(./" + name + ")", `url("./` + name + `")`} {
			css = bytes.ReplaceAll(css, []byte(form), []byte("url("+hashed+")"))
		}
	}
	return css
}

func (ix *index) add(name string, body []byte) {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
	contentType, compress := typeOf(ext)
	f := &file{body: body, contentType: contentType, compress: compress}
	f.gzipped = sync.OnceValue(func() []byte { return deflate(body) })
	ix.paths[name] = Prefix + hashed
	ix.files[hashed] = f
}

// typeOf returns a file's content type and whether to compress it. It looks at the system's MIME tables last, because
// they differ between machines.
func typeOf(ext string) (contentType string, compress bool) {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8", true
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".svg":
		return "image/svg+xml", true
	case ".woff2":
		return "font/woff2", false
	case ".txt":
		return "text/plain; charset=utf-8", true
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t, false
	}
	return "application/octet-stream", false
}

func deflate(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b) // writing to memory never fails
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

// Path returns the URL path of a file of static/: Path("app.css") is "/assets/app.3f2a9c1b.css". It is the same in
// every replica of one build. For an unknown name it returns a path that answers 404.
func Path(name string) string {
	if p, ok := load().paths[name]; ok {
		return p
	}
	return Prefix + name
}

// Names returns the names of all files, unsorted.
func Names() []string {
	names := make([]string, 0, len(load().paths))
	for name := range load().paths {
		names = append(names, name)
	}
	return names
}

// Handler returns a handler that serves the files at the paths that Path returns; mount it at Prefix without stripping
// it. It answers GET and HEAD, compresses text for clients that accept gzip, allows caches to keep the response for a
// year (RFC 8246 immutable), and answers 404 for every other path and 405 for every other method.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, Prefix)
		f := load().files[name]
		if !ok || f == nil {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "no such asset", http.StatusNotFound)
			return
		}
		f.serve(w, r, name)
	})
}

func (f *file) serve(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	body, tag := f.body, `"`+name+`"`
	if f.compress {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			body, tag = f.gzipped(), `"`+name+`.gz"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // fails only if the client is gone
	}
}

// acceptsGzip reports whether an Accept-Encoding header allows gzip. "gzip;q=0" does not (RFC 9110 §12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, found := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !found {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}

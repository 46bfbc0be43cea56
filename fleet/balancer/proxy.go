package balancer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
)

// newProxy returns the ReverseProxy of one pool.
func (b *Balancer) newProxy(p *pool) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:       rewrite,
		Transport:     &poolTransport{Balancer: b, pool: p},
		FlushInterval: -1, // forward the response as it comes
		BufferPool:    buffers{},
		ErrorLog:      slog.NewLogLogger(b.log.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			f := errorPage(r, err)
			if f == nil {
				// The client is gone: there is no response to write.
				panic(http.ErrAbortHandler)
			}
			if bodyFault(r.Context()) == nil { // an error of the client does not count as the pool's
				p.trouble.failed.Add(1)
			}
			b.log.Warn("request failed", "pool", p.name, "method", r.Method, "status", f.Status, "error", err)
			writePage(w, r, *f)
		},
	}
}

// rewrite sets the headers of the request to the backend. ReverseProxy has removed the hop-by-hop fields (RFC 9110
// §7.6.1); the client's own statements about its address and request id are untrusted and removed.
func rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out.Header
	for name := range out {
		if strings.HasPrefix(name, "X-Forwarded") || name == "X-Real-Ip" || name == "X-Request-Id" {
			delete(out, name)
		}
	}
	proto := "http"
	if pr.In.TLS != nil {
		proto = "https"
	}
	// One allocation for the three values.
	values := [3]string{"", pr.In.Host, proto}
	if ip, _, err := net.SplitHostPort(pr.In.RemoteAddr); err == nil {
		values[0] = ip
		out["X-Forwarded-For"] = values[0:1:1]
	}
	out["X-Forwarded-Host"] = values[1:2:2]
	out["X-Forwarded-Proto"] = values[2:3:3]
	pr.Out.URL.Scheme = "http"
	// Forward a query that Go can't parse: the service answers it.
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery
}

// errorPage returns the page to answer r with after err, or nil if the client has gone.
func errorPage(r *http.Request, err error) *page {
	body := bodyFault(r.Context())
	var dial *dialError
	switch {
	case body != nil && timedOut(body):
		return &tooSlow
	case body != nil:
		return &badBody
	case errors.Is(err, errNoBackend), errors.As(err, &dial):
		return &unavailable
	case errors.Is(err, context.Canceled):
		return nil
	case timedOut(err) && isSafe(r):
		return &timeout
	case timedOut(err):
		return &timeoutChange
	case isSafe(r):
		return &broken
	default:
		return &brokenChange
	}
}

// buffers is the BufferPool of every proxy; 16 KiB holds most pages in one piece.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([16 << 10]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[16 << 10]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[16 << 10]byte)(b)) }

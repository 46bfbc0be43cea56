package balancer

import (
	"bufio"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"time"
)

// A hijacked stream is a stream of events whose client connection was taken from http.Server (http.Hijacker), and whose
// backend connection serves nothing else. The buffers and goroutines of http.Server and http.Transport would take six
// times the memory, for each of thousands of open tabs (BenchmarkOpenTab).

// streamBuffer is the size in bytes of each buffer of a hijacked stream.
const streamBuffer = 1 << 10

// hijackKey holds the hijackedStream of a request that serveStream answers.
type hijackKey struct{}

// hijackedStream is what serveStream and the transport of its request have in common.
type hijackedStream struct {
	ctx    context.Context // for the backend: it outlives the client's request
	answer http.Header     // of the answer to the client
	body   io.ReadCloser   // of the backend's answer, nil if that is no stream of events
}

// mayHijack reports whether the answer to r may become a hijacked stream: w lets go of its connection, and r asks for a
// stream, has no body, and comes from a client that takes chunks.
func mayHijack(w http.ResponseWriter, r *http.Request) bool {
	_, ok := w.(http.Hijacker)
	return ok && wantsEvents(r) && r.Method == http.MethodGet && r.ContentLength == 0 && r.Header.Get("Upgrade") == "" &&
		r.ProtoMajor == 1 && r.ProtoMinor == 1
}

// serveStream answers r with proxy. If the answer is a stream of events, serveStream returns when its header is sent,
// and the stream goes on until either side ends it, or Serve closes. http.Server.Shutdown does not wait for it.
func serveStream(proxy http.Handler, w http.ResponseWriter, r *http.Request, timeout time.Duration) {
	// The server cancels the context of r when we return.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	forget := context.AfterFunc(r.Context(), cancel)
	s := &hijackedStream{ctx: ctx, answer: w.Header()}
	proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, hijackKey{}, s)))
	if s.body == nil {
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = s.body.Close()
		panic(http.ErrAbortHandler)
	}
	forget()
	go copyStream(conn, s.body, timeout)
	go func() {
		defer cancel() // closes the backend's connection, so that copyStream returns
		awaitClose(conn)
	}()
}

// copyStream sends body to conn in chunks (RFC 9112 §7.1), each as it comes, and closes both. The client has to take
// each within timeout. A body that breaks leaves the chunks without an end.
func copyStream(conn net.Conn, body io.ReadCloser, timeout time.Duration) {
	defer conn.Close()
	defer body.Close()
	out := bufio.NewWriterSize(conn, streamBuffer)
	chunks := httputil.NewChunkedWriter(out)
	buf := make([]byte, streamBuffer-16) // a chunk's size and line ends fit into the rest
	for {
		n, err := body.Read(buf)
		_ = conn.SetWriteDeadline(time.Now().Add(timeout))
		if n > 0 {
			_, _ = chunks.Write(buf[:n]) // out keeps an error until Flush
		}
		if err == io.EOF {
			_ = chunks.Close()
			_, _ = out.WriteString("\r\n") // no trailers
		}
		if out.Flush() != nil || err != nil {
			return
		}
	}
}

// awaitClose returns when either side has closed conn. It discards further input: the response said
// Connection: close (RFC 9112 §9.6).
func awaitClose(conn net.Conn) {
	var buf [64]byte
	for {
		if _, err := conn.Read(buf[:]); err != nil {
			return
		}
	}
}

// streamTransport sends each request on a connection of its own, which ends with the answer's body.
type streamTransport struct {
	dial          func(ctx context.Context, network, addr string) (net.Conn, error)
	headerTimeout time.Duration
}

// RoundTrip sends req, which has no body, and returns the answer. The connection is closed when req's context is done.
func (t *streamTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	conn, err := t.dial(ctx, "tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	b := &connBody{conn: conn, forget: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	res, err := t.exchange(conn, req)
	if err != nil {
		_ = b.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	b.Reader, res.Body = res.Body, b
	return res, nil
}

// exchange sends req on conn and reads the answer's header.
func (t *streamTransport) exchange(conn net.Conn, req *http.Request) (*http.Response, error) {
	_ = conn.SetDeadline(time.Now().Add(t.headerTimeout))
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxAnswerHeader}
	in := bufio.NewReaderSize(limited, streamBuffer)
	for {
		res, err := http.ReadResponse(in, nil) // not req, which the body would keep in memory
		if err != nil {
			return nil, err
		}
		if res.StatusCode >= http.StatusOK { // the client gets no informational ones (RFC 9110 §15.2)
			limited.N = math.MaxInt64
			return res, conn.SetDeadline(time.Time{})
		}
	}
}

// connBody is the body of an answer, whose connection ends with it.
type connBody struct {
	io.Reader
	conn   net.Conn
	forget func() bool
}

// Close closes the connection.
func (b *connBody) Close() error {
	b.forget()
	return b.conn.Close()
}

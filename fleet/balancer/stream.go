package balancer

import (
	"context"
	"io"
	"mime"
	"net/http"
	"sync/atomic"
)

// closingKey is the context key of the context that ends when Serve begins to close. The requests' own contexts do not
// end then.
type closingKey struct{}

// wantsEvents reports whether r asks for a stream of events, as EventSource does.
func wantsEvents(r *http.Request) bool { return r.Header.Get("Accept") == "text/event-stream" }

// passStream prepares an answer that is an endless stream of events: one without a length. The stream ends when Serve
// closes, and the client opens another: ReverseProxy takes the end of the body for the end of the answer. The body of a
// hijacked stream goes to serveStream instead.
func passStream(req *http.Request, res *http.Response) {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind != "text/event-stream" || res.ContentLength >= 0 {
		return
	}
	ctx := req.Context()
	if closing, ok := ctx.Value(closingKey{}).(context.Context); ok {
		s := &stream{ReadCloser: res.Body}
		s.forget = context.AfterFunc(closing, func() {
			s.over.Store(true)
			_ = s.ReadCloser.Close() // wakes a Read that waits for the next event
		})
		res.Body = s
	}
	if s, ok := ctx.Value(hijackKey{}).(*hijackedStream); ok && res.StatusCode == http.StatusOK {
		s.answer.Set("Connection", "close")
		s.body, res.Body = res.Body, http.NoBody
	}
}

// stream is the response body of an event stream. Once Serve closes, Read returns io.EOF.
type stream struct {
	io.ReadCloser
	over   atomic.Bool
	forget func() bool
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && s.over.Load() {
		return n, io.EOF
	}
	return n, err
}

func (s *stream) Close() error {
	s.forget()
	return s.ReadCloser.Close()
}

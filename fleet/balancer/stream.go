package balancer

import (
	"context"
	"io"
	"mime"
	"net/http"
	"sync/atomic"
)

// closingKey holds the context that ends when Serve begins to close. Requests under way keep their own.
type closingKey struct{}

// endWithServer lets an endless stream of events end when Serve closes: nobody waits for its end, and its
// reader opens another. ReverseProxy takes the end of the body for the end of the answer.
func endWithServer(req *http.Request, res *http.Response) {
	closing, _ := req.Context().Value(closingKey{}).(context.Context)
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); closing == nil || kind != "text/event-stream" {
		return
	}
	s := &stream{ReadCloser: res.Body}
	s.forget = context.AfterFunc(closing, func() {
		s.over.Store(true)
		_ = s.ReadCloser.Close() // wakes a Read that waits for the next event
	})
	res.Body = s
}

// stream is the body of such an answer.
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

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

// endWithServer ends an event stream when Serve closes, so that Serve need not wait for it and its reader opens
// another. ReverseProxy takes the end of the body for the end of the response.
func endWithServer(req *http.Request, res *http.Response) {
	closing, _ := req.Context().Value(closingKey{}).(context.Context)
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); closing == nil || kind != "text/event-stream" {
		return
	}
	s := &stream{ReadCloser: res.Body}
	s.forget = context.AfterFunc(closing, func() {
		s.over.Store(true)
		_ = s.ReadCloser.Close() // unblocks a Read that waits for the next event
	})
	res.Body = s
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

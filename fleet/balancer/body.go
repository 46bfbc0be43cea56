package balancer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// heldBody ignores Close, which the transport calls if it could not connect: the body is still unread and is sent to
// the next backend. ReverseProxy closes the real one at the end of the request.
type heldBody struct{ io.Reader }

// Close does nothing and returns nil.
func (*heldBody) Close() error { return nil }

// clientBody reads a request's body from the client with a deadline for each read, and records an error of the client:
// the server cancels a request whose body fails, which otherwise looks as if the client had disconnected.
//
// It also records that it has reached the end. The transport reads a body of known length once more after the last byte
// (golang/go#40747), when the server may have closed it because the response has begun. That read would fail, and the
// transport would close the connection to the backend in the middle of its response.
type clientBody struct {
	io.ReadCloser
	deadline func(time.Time) error
	timeout  time.Duration
	fault    atomic.Pointer[error]
	ended    atomic.Bool
}

type clientBodyKey struct{}

// guardBody returns r with a guarded body. The deadline applies from now on, also to the server's own reads of an
// unread body.
func guardBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) *http.Request {
	b := &clientBody{ReadCloser: r.Body, deadline: http.NewResponseController(w).SetReadDeadline, timeout: timeout}
	b.extend()
	r = r.WithContext(context.WithValue(r.Context(), clientBodyKey{}, b))
	r.Body = b
	return r
}

func (b *clientBody) extend() {
	_ = b.deadline(time.Now().Add(b.timeout)) // fails only for connections without deadlines
}

// Read returns io.EOF after the first io.EOF without reading from the client again.
func (b *clientBody) Read(p []byte) (int, error) {
	if b.ended.Load() {
		return 0, io.EOF
	}
	b.extend()
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.ended.Store(true)
		_ = b.deadline(time.Time{}) // the deadline of a complete body must not cut a long response
	default:
		b.fault.Store(&err)
	}
	return n, err
}

// bodyFault returns the error of reading the body of the request with this context, or nil.
func bodyFault(ctx context.Context) error {
	if b, ok := ctx.Value(clientBodyKey{}).(*clientBody); ok {
		if err := b.fault.Load(); err != nil {
			return *err
		}
	}
	return nil
}

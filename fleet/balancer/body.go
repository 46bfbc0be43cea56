package balancer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// heldBody ignores Close, which the transport calls when it could not connect: the body is still unread
// and goes to the next backend. ReverseProxy closes the real one when the request is over.
type heldBody struct{ io.Reader }

// Close does nothing and returns nil.
func (*heldBody) Close() error { return nil }

// clientBody reads a request's body from the client, with a deadline for each piece, and remembers when
// the client, and not a backend, is at fault: the server cancels a request whose body fails, which
// otherwise looks as if the client had gone.
//
// It remembers that it reached its end, too. The transport reads a body of known length once more after the
// last byte (golang/go#40747), by when the server may have closed it because the answer has begun. That
// read would fail, and the transport would close the connection to the backend in the middle of its answer.
type clientBody struct {
	io.ReadCloser
	deadline func(time.Time) error
	timeout  time.Duration
	fault    atomic.Pointer[error]
	ended    atomic.Bool
}

type clientBodyKey struct{}

// guardBody returns r with its body guarded. The deadline holds from now on, also for what the server
// itself reads of a body that nobody wanted.
func guardBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) *http.Request {
	b := &clientBody{ReadCloser: r.Body, deadline: http.NewResponseController(w).SetReadDeadline, timeout: timeout}
	b.extend()
	r = r.WithContext(context.WithValue(r.Context(), clientBodyKey{}, b))
	r.Body = b
	return r
}

func (b *clientBody) extend() {
	_ = b.deadline(time.Now().Add(b.timeout)) // a connection without deadlines has none to miss
}

// Read returns io.EOF from the first io.EOF on, without another read of the client.
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
		_ = b.deadline(time.Time{}) // a long answer must not be cut by the deadline of a body that is complete
	default:
		b.fault.Store(&err)
	}
	return n, err
}

// bodyFault is the error of reading the body of the request with this context, nil if there was none.
func bodyFault(ctx context.Context) error {
	if b, ok := ctx.Value(clientBodyKey{}).(*clientBody); ok {
		if err := b.fault.Load(); err != nil {
			return *err
		}
	}
	return nil
}

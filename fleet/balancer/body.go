package balancer

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// heldBody ignores Close, which the transport calls when it could not connect: the body is still unread
// and goes to the next backend. ReverseProxy closes the real one when the request is over.
type heldBody struct{ io.Reader }

func (*heldBody) Close() error { return nil }

// clientError marks an error of reading the request's body: the client is at fault, not a backend.
type clientError struct{ error }

func (e *clientError) Unwrap() error { return e.error }

// clientBody reads a request's body from the client, with a deadline for each piece.
type clientBody struct {
	io.ReadCloser
	deadline func(time.Time) error
	timeout  time.Duration
}

func newClientBody(w http.ResponseWriter, body io.ReadCloser, timeout time.Duration) *clientBody {
	return &clientBody{ReadCloser: body, deadline: http.NewResponseController(w).SetReadDeadline, timeout: timeout}
}

func (b *clientBody) Read(p []byte) (int, error) {
	_ = b.deadline(time.Now().Add(b.timeout)) // a connection without deadlines has none to miss
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	_ = b.deadline(time.Time{}) // a long answer must not be cut by the deadline of a body that is complete
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	return n, &clientError{err}
}

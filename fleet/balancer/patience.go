package balancer

import (
	"net/http"
	"time"
)

// clientWriter writes an answer to the client, with a deadline for each piece: a client that reads nothing
// must not hold a connection, and the backend's behind it, for ever. An answer may take as long as it likes.
type clientWriter struct {
	http.ResponseWriter
	deadline func(time.Time) error
	timeout  time.Duration
}

// guardAnswer returns w guarded. The deadline holds from now on, since the server writes by itself, too
// (100 Continue), and would meet the one of the request before.
func guardAnswer(w http.ResponseWriter, timeout time.Duration) *clientWriter {
	g := &clientWriter{ResponseWriter: w, deadline: http.NewResponseController(w).SetWriteDeadline, timeout: timeout}
	g.extend()
	return g
}

func (w *clientWriter) extend() {
	_ = w.deadline(time.Now().Add(w.timeout)) // a connection without deadlines has none to miss
}

func (w *clientWriter) WriteHeader(status int) {
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *clientWriter) Write(p []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *clientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

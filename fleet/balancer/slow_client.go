package balancer

import (
	"net/http"
	"time"
)

// clientWriter writes a response to the client with a deadline for each write: a client that does not read must not
// hold its connection and the backend's without a limit. The whole response may take any time.
type clientWriter struct {
	http.ResponseWriter
	deadline func(time.Time) error
	timeout  time.Duration
}

// guardAnswer returns w with deadlines. They apply from now on, because the server itself also writes (100 Continue),
// and would otherwise meet the deadline of the previous request.
func guardAnswer(w http.ResponseWriter, timeout time.Duration) *clientWriter {
	g := &clientWriter{ResponseWriter: w, deadline: http.NewResponseController(w).SetWriteDeadline, timeout: timeout}
	g.extend()
	return g
}

func (w *clientWriter) extend() {
	_ = w.deadline(time.Now().Add(w.timeout)) // fails only for connections without deadlines
}

func (w *clientWriter) WriteHeader(status int) {
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *clientWriter) Write(p []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(p)
}

// Unwrap implements what http.ResponseController needs.
func (w *clientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

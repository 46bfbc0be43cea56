package balancer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// errNoBackend is returned when a pool had no healthy backend for as long as a request may wait.
var errNoBackend = errors.New("no healthy backend")

// errSilent is returned when a backend has neither answered a request nor passed a health check for the silence
// timeout.
var errSilent error = silentError{}

type silentError struct{}

func (silentError) Error() string   { return "the backend stopped responding" }
func (silentError) Timeout() bool   { return true }
func (silentError) Temporary() bool { return true }

// silenceInterval is the interval at which a request without a response checks whether its backend is silent.
const silenceInterval = 500 * time.Millisecond

// maxResends is the maximum number of times that a request is sent again after its connection broke. It keeps a request
// that crashes each backend from crashing the whole pool.
const maxResends = 2

// poolTransport is the RoundTripper of one pool: it chooses a backend, and another one for a retry.
type poolTransport struct {
	*Balancer
	pool *pool
}

// RoundTrip sends req to a backend of the pool and returns its response. It sends the request to another backend if no
// connection could be made, or if the request is repeatable and the backend failed before it responded. It may modify
// req, which is ReverseProxy's own copy.
func (d *poolTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body = &heldBody{req.Body}
	}
	var (
		ctx      = req.Context()
		deadline time.Time // set at the first failure
		avoid    *Backend
		broken   int
	)
	for {
		to := d.pool.acquireBackend(req, avoid)
		if to == nil {
			if deadline.IsZero() {
				deadline = time.Now().Add(d.opts.QueueTimeout)
			}
			if err := d.pool.waitForBackend(ctx, deadline); err != nil {
				return nil, err
			}
			continue
		}
		req.URL.Host = to.addr
		res, err := d.sendTo(req, to)
		to.release()
		switch {
		case err == nil:
			to.answered.Add(1)
			to.markHeard()
			if a := d.pool.rule.Load().answerer; a != nil {
				a.Answered(req, to, res.Header)
			}
			passStream(req, res)
			return res, nil
		case ctx.Err() != nil:
			return nil, err
		}
		var dial *dialError
		switch {
		case errors.As(err, &dial):
			if dial.isLocal() {
				return nil, err
			}
			if d.pool.setHealthy(to, false) {
				d.log.Warn("backend marked unhealthy: cannot connect", "pool", d.pool.name, "backend", to.name, "error", err)
			}
		case errors.Is(err, errSilent) && isRepeatable(req) && !d.pool.anyHeard(d.opts.silenceTimeout()):
			return nil, errNoBackend
		case isRepeatable(req) && broken < maxResends && (errors.Is(err, errSilent) || !timedOut(err)):
			broken++
		default:
			return nil, err
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(d.opts.QueueTimeout)
		} else if time.Now().After(deadline) {
			return nil, err
		}
		d.pool.trouble.repeated.Add(1)
		avoid, req = to, cloneRequest(req)
	}
}

// sendTo sends req to a backend and returns its response, or errSilent if the backend is silent.
func (d *poolTransport) sendTo(req *http.Request, to *Backend) (*http.Response, error) {
	transport, parent := d.transportFor(req)
	ctx, cancel := context.WithCancelCause(parent)
	var decided atomic.Bool // by whichever is first: the answer or the silence
	ended := make(chan struct{})
	timer := time.AfterFunc(silenceInterval, func() {
		if d.awaitSilence(req, to, ended) && decided.CompareAndSwap(false, true) {
			cancel(errSilent)
		}
	})
	res, err := transport.RoundTrip(req.WithContext(ctx))
	if err == nil {
		err = bufferResponse(req, res)
	}
	timer.Stop()
	close(ended)
	if decided.CompareAndSwap(false, true) {
		return res, err // ctx ends with the request: the response's body is read until then
	}
	if err == nil {
		_ = res.Body.Close()
	}
	return nil, errSilent
}

// awaitSilence returns true once it is pointless to wait for to's response, and false when ended is closed. A
// repeatable request does not wait for a silent backend. Any other waits until its pool has no healthy backend either:
// the backend has received it and may still respond.
func (d *poolTransport) awaitSilence(req *http.Request, to *Backend, ended <-chan struct{}) bool {
	tick := time.NewTicker(silenceInterval)
	defer tick.Stop()
	for {
		if (isRepeatable(req) || len(*d.pool.healthy.Load()) == 0) && to.isSilent(d.opts.silenceTimeout()) {
			return true
		}
		select {
		case <-ended:
			return false
		case <-tick.C:
		}
	}
}

// transportFor returns the transport for req, and the context to send it with. A request that may be sent again uses an
// idle connection. Any other uses a new one: a backend that died may have closed an idle one a moment ago, and a
// request that is written to it would be lost, while a new one fails and another backend gets the request. A request
// whose answer may become a hijacked stream has a connection of its own, and a context that outlives the client's
// request.
func (d *poolTransport) transportFor(req *http.Request) (http.RoundTripper, context.Context) {
	ctx := req.Context()
	switch s, _ := ctx.Value(hijackKey{}).(*hijackedStream); {
	case s != nil:
		return d.streams, s.ctx
	case isRepeatable(req):
		return d.transport, ctx
	}
	return d.unpooled, ctx
}

// isRepeatable reports whether a request that a backend may have received may be sent again: safe methods (RFC 9110
// §9.2.1) without a body.
func isRepeatable(req *http.Request) bool {
	return req.Body == nil && isSafe(req)
}

// isSafe reports whether a request's method is safe (RFC 9110 §9.2.1).
func isSafe(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == http.MethodOptions
}

// cloneRequest returns a copy of req for another attempt: the transport may still be reading the one that failed.
func cloneRequest(req *http.Request) *http.Request {
	next := req.WithContext(req.Context())
	u := *req.URL
	next.URL = &u
	return next
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

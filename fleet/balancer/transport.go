package balancer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"
)

// dialError marks an error from before there was a connection: no backend has seen the request.
type dialError struct{ err error }

func (e *dialError) Error() string   { return e.err.Error() }
func (e *dialError) Unwrap() error   { return e.err }
func (e *dialError) Timeout() bool   { var n net.Error; return errors.As(e.err, &n) && n.Timeout() }
func (e *dialError) Temporary() bool { return true }

// isLocal reports whether the cause is this machine (no descriptors, no ports) and not the backend.
func (e *dialError) isLocal() bool {
	return errors.Is(e.err, syscall.EMFILE) || errors.Is(e.err, syscall.ENFILE) || errors.Is(e.err, syscall.EADDRNOTAVAIL)
}

func dialer(timeout time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

// maxAnswerHeader is the size in bytes of the largest header of a backend's answer.
const maxAnswerHeader = 256 << 10

func newTransport(opts Options) *http.Transport {
	return &http.Transport{
		DialContext:            dialer(opts.DialTimeout),
		ResponseHeaderTimeout:  opts.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        opts.IdleTimeout,
		MaxIdleConns:           0, // no limit except the one per backend below
		MaxIdleConnsPerHost:    512,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true, // what the client accepts and the backend sends is between the two
		ReadBufferSize:         16 << 10,
		WriteBufferSize:        8 << 10,
	}
}

package backchannel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"gatehouse/portal/store"
)

const (
	firstPause   = 2 * time.Second
	longestPause = 15 * time.Minute
)

// next is when a notice whose attempt failed is tried again; zero gives it up.
func next(n store.Notice, attempt int, now time.Time, err error) time.Time {
	if errors.Is(err, errUnregistered) {
		return time.Time{} // there is nowhere to go
	}
	since := n.Since
	if since.IsZero() {
		since = n.CreatedAt
	}
	at := now.Add(pause(attempt))
	if at.Sub(since) > giveUpAfter {
		return time.Time{}
	}
	return at
}

// pause after that many failures doubles with each, and has a jitter of half of it
// either way that keeps replicas and notices apart.
func pause(failures int) time.Duration {
	p := longestPause
	if doubled := max(failures, 1) - 1; doubled < 9 {
		p = min(firstPause<<doubled, longestPause)
	}
	return p/2 + rand.N(p)
}

var (
	errUnregistered = errors.New("backchannel: no address is registered")
	errUnsigned     = errors.New("backchannel: no logout token could be signed")
)

// answered is a status by which a client says that it did not hear.
type answered int

func (a answered) Error() string { return fmt.Sprintf("backchannel: the client answered %d", int(a)) }

// notTried is why a client has not heard that got no turn.
const notTried = "It was not tried yet."

// reason says why an attempt failed, in words that name no address and no
// certificate, so that they can be shown. The log has the whole error.
func reason(err error) string {
	var status answered
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errUnregistered):
		return "No back-channel logout address is registered for it any more."
	case errors.Is(err, errUnsigned):
		return "No logout token could be signed."
	case errors.As(err, &status) && status >= 300 && status < 400:
		return fmt.Sprintf("It answered with a redirect (%d), which is not followed.", int(status))
	case errors.As(err, &status):
		return fmt.Sprintf("It answered %d %s.", int(status), http.StatusText(int(status)))
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("It did not answer within %v.", deadline)
	case errors.As(err, &dns):
		return "The name of its server was not found."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Its server refused the connection."
	case errors.As(err, &cert):
		return "The certificate of its server is not trusted."
	default:
		return "Its server could not be reached."
	}
}

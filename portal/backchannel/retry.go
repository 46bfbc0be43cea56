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

	"gatehouse.example/portal/store"
)

const (
	minRetryDelay = 2 * time.Second
	maxRetryDelay = 15 * time.Minute
)

// retryTime returns when a notice whose attempt failed is retried; zero if it is given up.
func retryTime(n store.Notice, attempt int, now time.Time, err error) time.Time {
	if errors.Is(err, errUnregistered) {
		return time.Time{} // there is no URI to send it to
	}
	since := n.Since
	if since.IsZero() {
		since = n.CreatedAt
	}
	at := now.Add(retryDelay(attempt))
	if at.Sub(since) > maxNoticeAge {
		return time.Time{}
	}
	return at
}

// retryDelay returns the delay after a number of failures. It doubles with each up to maxRetryDelay, with a jitter of
// ±50 % that spreads the attempts of replicas and notices.
func retryDelay(failures int) time.Duration {
	p := maxRetryDelay
	if doubled := max(failures, 1) - 1; doubled < 9 {
		p = min(minRetryDelay<<doubled, maxRetryDelay)
	}
	return p/2 + rand.N(p)
}

var (
	errUnregistered = errors.New("backchannel: no address registered")
	errUnsigned     = errors.New("backchannel: cannot sign a logout token")
)

// statusError is the error for a status code that means that the client did not accept the notice.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("backchannel: the client answered %d", int(e))
}

// notTried is the failure of a client whose notice was not tried.
const notTried = "Not tried yet."

// describeFailure describes the failure of an attempt without addresses and certificates, so that it can be shown. The
// whole error is in the log.
func describeFailure(err error) string {
	var status statusError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errUnregistered):
		return "The app no longer has a back-channel logout address."
	case errors.Is(err, errUnsigned):
		return "The portal couldn't sign a logout token."
	case errors.As(err, &status) && status >= 300 && status < 400:
		return fmt.Sprintf("The app answered with a redirect (%d), which we don't follow.", int(status))
	case errors.As(err, &status):
		return fmt.Sprintf("The app answered %d %s.", int(status), http.StatusText(int(status)))
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("The app didn't respond within %v.", deliveryTimeout)
	case errors.As(err, &dns):
		return "The app's host name wasn't found."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The app's server refused the connection."
	case errors.As(err, &cert):
		return "The app's certificate isn't trusted."
	default:
		return "The app's server couldn't be reached."
	}
}

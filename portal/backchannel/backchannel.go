package backchannel

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gatehouse.example/portal/store"
)

const (
	// deliveryTimeout is the timeout of one delivery, from dialling to the last byte of the response.
	deliveryTimeout = 2 * time.Second
	// HandoverTimeout is how long only the replica that ended a sign-in delivers its notices.
	HandoverTimeout = 10 * time.Second
	// queueTimeout is how long Deliver lets a notice wait for a slot, and recordTimeout the timeout of recording the
	// result. Together with deliveryTimeout they are less than HandoverTimeout.
	queueTimeout  = 3 * time.Second
	recordTimeout = 4 * time.Second
	// failingTimeout is how long Deliver waits for clients whose last delivery failed.
	failingTimeout = 250 * time.Millisecond
	// claimTimeout is how long a claimed notice is reserved for the replica that claimed it.
	claimTimeout = 15 * time.Second
	// maxNoticeAge is the age at which an undelivered notice is given up: the app's sessions have expired by then.
	maxNoticeAge = 24 * time.Hour
	// deliveredRetention is how long delivered notices are kept for troubleshooting, and givenUpRetention how long an
	// administrator can resend those that were given up.
	deliveredRetention = 7 * 24 * time.Hour
	givenUpRetention   = 30 * 24 * time.Hour

	pollInterval   = time.Second
	purgeInterval  = time.Hour
	maxBodyBytes   = 4 << 10  // bytes of a client's response that are read
	maxHeaderBytes = 64 << 10 // bytes of its header
)

// Records is the part of the store that deliveries need.
type Records interface {
	LogoutURIs(ctx context.Context, clientIDs []string) (map[string]store.LogoutURI, error)
	DueClients(ctx context.Context, now time.Time) ([]string, error)
	ClaimNotices(ctx context.Context, clientID string, now, claimedUntil time.Time, limit int) ([]store.Notice, error)
	RecordAttempt(ctx context.Context, a store.DeliveryAttempt) error
	PurgeNotices(ctx context.Context, delivered, givenUp time.Time) error
}

// Tokens signs logout tokens.
type Tokens interface {
	Logout(subject, sid, clientID string) (string, error)
}

// Deps are the dependencies of a Sender. Of HTTPClient only the transport is used; its timeout, cookie jar and
// redirect policy are not.
type Deps struct {
	Records    Records
	Tokens     Tokens
	HTTPClient *http.Client
	Now        func() time.Time
	Logger     *slog.Logger
}

// Sender delivers logout tokens. It is safe for concurrent use.
type Sender struct {
	Deps
	http     *http.Client
	timeouts timeouts
	clients  *clientLimits
	state    outboxState
}

// timeouts are the timeouts that tests change.
type timeouts struct{ delivery, failing, record time.Duration }

// New returns a sender, or an error if a dependency is missing.
func New(d Deps) (*Sender, error) {
	if d.Records == nil || d.Tokens == nil || d.HTTPClient == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("backchannel: a required option is unset")
	}
	transport := d.HTTPClient.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	if t, ok := transport.(*http.Transport); ok {
		own := t.Clone()
		own.MaxResponseHeaderBytes = maxHeaderBytes
		transport = own
	}
	return &Sender{Deps: d, timeouts: timeouts{deliveryTimeout, failingTimeout, recordTimeout}, clients: newClientLimits(), http: &http.Client{
		Transport: transport,
		// A logout token is sent only to the registered URI: no redirect is followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

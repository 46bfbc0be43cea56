package backchannel

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/portal/store"
)

const (
	// deadline is the timeout of one delivery, from dialling to the last byte of the response.
	deadline = 2 * time.Second
	// HeadStart is how long only the replica that ended a sign-in delivers its notices.
	HeadStart = 10 * time.Second
	// queueing is how long Deliver lets a notice wait for its turn, and recording the timeout of recording the
	// result. Together with deadline they are less than HeadStart.
	queueing  = 3 * time.Second
	recording = 4 * time.Second
	// patience is how long Deliver waits for clients whose last delivery failed.
	patience = 250 * time.Millisecond
	// lease is how long a claimed notice is reserved for the replica that claimed it.
	lease = 15 * time.Second
	// giveUpAfter is the age at which an undelivered notice is given up: the app's sessions have expired by then.
	giveUpAfter = 24 * time.Hour
	// heardFor is how long delivered notices are kept for troubleshooting, and givenUpFor how long an administrator
	// can resend those that were given up.
	heardFor   = 7 * 24 * time.Hour
	givenUpFor = 30 * 24 * time.Hour

	poll        = time.Second
	purgeEvery  = time.Hour
	answerLimit = 4 << 10  // bytes of a client's response that are read
	headerLimit = 64 << 10 // bytes of its header
)

// Records is the part of the store that deliveries need.
type Records interface {
	LogoutURIs(ctx context.Context, clientIDs []string) (map[string]store.LogoutURI, error)
	DueClients(ctx context.Context, now time.Time) ([]string, error)
	ClaimNotices(ctx context.Context, clientID string, now, lease time.Time, limit int) ([]store.Notice, error)
	NoticeTried(ctx context.Context, t store.Try) error
	PurgeNotices(ctx context.Context, heard, givenUp time.Time) error
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
	http  *http.Client
	times times
	lanes *lanes
	state health
}

// times are the constants above that tests change.
type times struct{ deadline, patience, recording time.Duration }

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
		own.MaxResponseHeaderBytes = headerLimit
		transport = own
	}
	return &Sender{Deps: d, times: times{deadline, patience, recording}, lanes: newLanes(), http: &http.Client{
		Transport: transport,
		// A logout token is sent only to the registered URI: no redirect is followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Package backchannel tells clients that a sign-in is over (OpenID Connect
// Back-Channel Logout 1.0): it posts a logout token to each client's registered
// URI, at once when a person signs out, and again with growing pauses, by whatever
// replica comes first, until the client has heard or is given up.
//
//	end of a sign-in ── one transaction ──▶ outbox, a notice for each client
//	        │                                  │
//	     Deliver: at once, all                Run: what is due, in each replica
//	     clients in parallel                  claimed client by client, for a lease
//	        └──────────────┬───────────────────┘
//	              lane of the client: a few at a time,
//	              one at a time once it fails
//	                       │
//	          heard │ tried again later │ given up: a dead letter, until an admin sends it again
//
// What is still to be told lies in the database, written in the same transaction
// as the end of the sign-in, so that a crash in between loses nothing. Clients
// never wait for each other: one that hangs holds up only what it is owed itself.
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
	// deadline bounds one delivery, from dialling to the last byte of the answer.
	deadline = 2 * time.Second
	// HeadStart is for how long the replica that ended a sign-in has its notices
	// to itself.
	HeadStart = 10 * time.Second
	// queueing is for how long Deliver lets a notice wait for its turn, and recording
	// bounds writing down what became of it; with the delivery in between it is less
	// than the head start.
	queueing  = 3 * time.Second
	recording = 4 * time.Second
	// patience is for how long Deliver waits for clients that failed the last time.
	patience = 250 * time.Millisecond
	// lease is for how long a claimed notice belongs to the replica that claimed it.
	lease = 15 * time.Second
	// giveUpAfter is the age at which an undelivered notice is given up: app
	// sessions are over by then.
	giveUpAfter = 24 * time.Hour
	// heardFor is how long delivered notices stay, for whoever looks into a fault,
	// and givenUpFor how long an admin can send again what was given up.
	heardFor   = 7 * 24 * time.Hour
	givenUpFor = 30 * 24 * time.Hour

	poll        = time.Second
	purgeEvery  = time.Hour
	answerLimit = 4 << 10  // bytes of a client's answer that are read
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

// Deps are what a Sender needs. HTTPClient's transport is used; its timeout, its
// cookies and its way with redirects are not.
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

// New is a sender; it refuses a missing dependency.
func New(d Deps) (*Sender, error) {
	if d.Records == nil || d.Tokens == nil || d.HTTPClient == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("backchannel: a dependency is missing")
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
		// A logout token goes where it was registered to go, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

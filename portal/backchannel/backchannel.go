// Package backchannel tells clients that a sign-in is over (OpenID Connect
// Back-Channel Logout 1.0): it posts a logout token to each client's registered
// URI, at once when a person signs out, and again with growing pauses, by whatever
// replica comes first, until the client has heard.
//
// What is still to be told lies in the database, written in the same transaction
// as the end of the sign-in, so that a crash in between loses nothing.
package backchannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/portal/store"
)

const (
	// perClient bounds one delivery: a client that hangs must not hold up a sign-out.
	perClient = 2 * time.Second
	// HeadStart is for how long the replica that ended a sign-in has its notices
	// to itself.
	HeadStart = 10 * time.Second
	// parallel is how many clients are told at once.
	parallel = 16
	// batch is how many notices a replica claims at a time.
	batch = 32
	// lease is for how long a claimed notice belongs to the replica that claimed it.
	lease = 15 * time.Second
	// giveUpAfter is the age at which an undelivered notice is given up: app
	// sessions are over by then.
	giveUpAfter = 24 * time.Hour
	// keptFor is how long delivered notices stay, for whoever looks into a fault.
	keptFor = 7 * 24 * time.Hour

	firstPause   = 2 * time.Second
	longestPause = 15 * time.Minute
	poll         = time.Second
	purgeEvery   = time.Hour
	answerLimit  = 4 << 10 // bytes of a client's answer that are read
)

// Records is the part of the store that deliveries need.
type Records interface {
	ClaimNotices(ctx context.Context, now, lease time.Time, limit int) ([]store.Notice, error)
	NoticeDelivered(ctx context.Context, id string, now time.Time) error
	NoticeFailed(ctx context.Context, id, reason string, now, next time.Time) error
	PurgeNotices(ctx context.Context, before time.Time) error
}

// Tokens signs logout tokens.
type Tokens interface {
	Logout(subject, sid, clientID string) (string, error)
}

// Deps are what a Sender needs. HTTPClient's transport is used; its timeout and
// its way with redirects are not.
type Deps struct {
	Records    Records
	Tokens     Tokens
	HTTPClient *http.Client
	Now        func() time.Time
	Logger     *slog.Logger
}

// Sender delivers logout tokens.
type Sender struct {
	Deps
	http *http.Client
}

// New is a sender; it refuses a missing dependency.
func New(d Deps) (*Sender, error) {
	if d.Records == nil || d.Tokens == nil || d.HTTPClient == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("backchannel: a dependency is missing")
	}
	return &Sender{Deps: d, http: &http.Client{
		Transport: d.HTTPClient.Transport, Timeout: perClient,
		// A logout token goes where it was registered to go, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Result is what became of telling one client.
type Result struct {
	ClientID string
	Name     string // the client's, for people
	Heard    bool
	Took     time.Duration // until it answered or failed
	Err      string        // why it has not heard, safe to show; "" if it has
	GivenUp  bool          // nobody will try again; if it is neither Heard nor GivenUp, it is retried
}

// Deliver tells all notices at once and returns when each was heard, has failed or
// took too long. What failed stays in the outbox for Run.
func (s *Sender) Deliver(ctx context.Context, notices []store.Notice) []Result {
	var wg sync.WaitGroup
	results := make([]Result, len(notices))
	slots := make(chan struct{}, parallel)
	for i, n := range notices {
		results[i] = Result{ClientID: n.ClientID, Name: n.ClientID, Err: "retrying"}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			continue // for Run
		}
		wg.Go(func() {
			defer func() { <-slots }()
			begun := time.Now()
			if s.deliver(ctx, n) {
				results[i].Heard, results[i].Err = true, ""
			}
			results[i].Took = time.Since(begun)
		})
	}
	wg.Wait()
	return results
}

func (s *Sender) deliver(ctx context.Context, n store.Notice) bool {
	err := s.post(ctx, n)
	// What became of it must be written even if the caller has gone meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), perClient)
	defer cancel()
	now := s.Now()
	if err == nil {
		if err := s.Records.NoticeDelivered(ctx, n.ID, now); err != nil {
			s.Logger.Warn("a delivered logout token was not marked and will be sent again", "client_id", n.ClientID, "sid", n.SID, "error", err)
		}
		return true
	}
	next := now.Add(pause(n.Attempts))
	level := slog.LevelWarn
	if next.Sub(n.CreatedAt) > giveUpAfter {
		next, level = time.Time{}, slog.LevelError
	}
	s.Logger.Log(ctx, level, "a client was not told of a sign-out", "client_id", n.ClientID, "sid", n.SID,
		"attempts", n.Attempts+1, "given_up", next.IsZero(), "error", err)
	if err := s.Records.NoticeFailed(ctx, n.ID, reason(err), now, next); err != nil {
		s.Logger.Warn("a failed logout token was not marked", "client_id", n.ClientID, "sid", n.SID, "error", err)
	}
	return false
}

// post sends one logout token (Back-Channel Logout §2.5). Answers of 200 and 204
// mean that it was heard (§2.8).
func (s *Sender) post(ctx context.Context, n store.Notice) error {
	if n.URI == "" {
		return nil // it no longer wants to be told
	}
	raw, err := s.Tokens.Logout(n.UserID, n.SID, n.ClientID)
	if err != nil {
		return err
	}
	form := url.Values{"logout_token": {raw}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URI, strings.NewReader(form))
	if err != nil {
		return fmt.Errorf("backchannel: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("backchannel: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerLimit)) // so that the connection can be used again
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("backchannel: the client answered %d", res.StatusCode)
	}
	return nil
}

// pause doubles with each attempt, with a jitter that keeps replicas and notices apart.
func pause(attempts int) time.Duration {
	p := longestPause
	if attempts < 9 {
		p = min(firstPause<<attempts, longestPause)
	}
	return p/2 + rand.N(p)
}

// reason is what the outbox remembers of an error.
func reason(err error) string {
	const most = 300
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

package backchannel

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/portal/store"
)

// Result is the result of the notices to one client.
type Result struct {
	ClientID string        `json:"client_id"`
	Name     string        `json:"name"`               // the client's, for display
	Heard    bool          `json:"heard"`              // all its notices were delivered
	Took     time.Duration `json:"took"`               // until it answered or failed; 0 if untried or not ended
	Err      string        `json:"error,omitempty"`    // why it has not heard, safe to show; "" if it has
	GivenUp  bool          `json:"given_up,omitempty"` // there is no further attempt, unless an administrator resends it
}

// Retrying reports whether a notice will be retried.
func (r Result) Retrying() bool { return !r.Heard && !r.GivenUp }

// merge adds the result of another notice of the same client.
func (r *Result) merge(o Result) {
	if r.Took = max(r.Took, o.Took); o.Heard {
		return
	}
	// If one notice is retried, the merged result is Retrying.
	if r.Heard || !o.GivenUp {
		r.GivenUp, r.Err = o.GivenUp, o.Err
	}
	r.Heard = false
}

// Deliver posts the notices to all clients in parallel, and returns when each client has answered or failed, or when
// ctx ends; deliveries that have begun then continue until their deadline. For clients whose last delivery failed it
// waits only for patience. It returns one result for each client, in the order of its first notice. Undelivered
// notices stay in the outbox for Run. A notice is sent to the URI that is registered now, not to the one stored in
// it.
func (s *Sender) Deliver(ctx context.Context, notices []store.Notice) []Result {
	results, of := byClient(notices)
	if len(results) == 0 {
		return nil
	}
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.ClientID
	}
	registered, err := s.Records.LogoutURIs(ctx, ids)
	if s.noteHealth(ctx, err); err != nil {
		return results
	}
	type told struct {
		i     int
		fails bool
		Result
	}
	done := make(chan told, len(results))
	open := map[bool]int{}
	for i, id := range ids {
		at := registered[id]
		if at.Name != "" {
			results[i].Name = at.Name
		}
		for j := range of[id] {
			of[id][j].URI = at.URI
		}
		untried, fails := results[i], s.lanes.fails(id)
		open[fails]++
		go func() { done <- told{i, fails, s.tell(ctx, untried, of[id], fails)} }()
	}
	enough := time.NewTimer(s.times.patience)
	defer enough.Stop()
	for patient := true; open[false] > 0 || patient && open[true] > 0; {
		select {
		case t := <-done:
			results[t.i] = t.Result
			open[t.fails]--
		case <-enough.C:
			patient = false
		case <-ctx.Done():
			return results
		}
	}
	return results
}

// byClient groups notices by client, and returns a result for each that says that it was not tried.
func byClient(notices []store.Notice) ([]Result, map[string][]store.Notice) {
	var results []Result
	of := map[string][]store.Notice{}
	for _, n := range notices {
		if of[n.ClientID] == nil {
			results = append(results, Result{ClientID: n.ClientID, Name: n.ClientID, Err: notTried})
		}
		of[n.ClientID] = append(of[n.ClientID], n)
	}
	return results, of
}

// tell delivers all notices of one client, as fast as its lane allows. For a notice that got no turn the result is
// untried.
func (s *Sender) tell(ctx context.Context, untried Result, notices []store.Notice, fails bool) Result {
	ctx, cancel := context.WithTimeout(ctx, queueing)
	defer cancel()
	results := make([]Result, len(notices))
	var wg sync.WaitGroup
	for i, n := range notices {
		results[i] = untried
		seat, ok := s.lanes.enter(ctx, n.ClientID)
		if !ok {
			continue
		}
		deliver := func() {
			results[i] = s.deliver(ctx, n)
			seat.done(results[i].Heard)
		}
		if fails { // one delivery to probe the client; then as many as its lane allows
			deliver()
			if fails = !results[i].Heard; fails {
				for j := i + 1; j < len(notices); j++ {
					results[j] = untried
				}
				break
			}
			continue
		}
		wg.Go(deliver)
	}
	wg.Wait()
	all := results[0]
	for _, r := range results[1:] {
		all.merge(r)
	}
	all.Name = untried.Name
	return all
}

// deliver makes one attempt and records it.
func (s *Sender) deliver(ctx context.Context, n store.Notice) Result {
	// An attempt that has begun keeps its whole timeout even if the caller's context ends: an interrupted attempt
	// would count as a failure of the client.
	ctx = context.WithoutCancel(ctx)
	begun := time.Now()
	err := s.post(ctx, n)
	r := Result{ClientID: n.ClientID, Heard: err == nil, Took: time.Since(begun)}
	now := s.Now()
	try := store.Try{Notice: n.ID, Attempt: max(n.Attempts, 1), At: now, Took: r.Took}
	if err != nil {
		try.Failure, try.Next = reason(err), next(n, try.Attempt, now, err)
		r.Err, r.GivenUp = try.Failure, try.Next.IsZero()
		level := slog.LevelWarn
		if r.GivenUp {
			level = slog.LevelError
		}
		s.Logger.Log(ctx, level, "cannot notify a client of a sign-out", "client_id", n.ClientID, "sid", n.SID,
			"attempts", try.Attempt, "given_up", r.GivenUp, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.recording)
	defer cancel()
	if err := s.Records.NoticeTried(ctx, try); err != nil {
		s.Logger.Warn("cannot record a delivered logout token; it will be sent again", "client_id", n.ClientID, "sid", n.SID, "error", err)
	}
	return r
}

// post sends one logout token (Back-Channel Logout §2.5). Status 200 and 204 mean that it was accepted (§2.8);
// others are returned as an error of type answered.
func (s *Sender) post(ctx context.Context, n store.Notice) error {
	if n.URI == "" {
		return errUnregistered
	}
	raw, err := s.Tokens.Logout(n.UserID, n.SID, n.ClientID)
	if err != nil {
		return fmt.Errorf("backchannel: %w: %w", errUnsigned, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.deadline)
	defer cancel()
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
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerLimit)) // so that the connection can be reused
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return answered(res.StatusCode)
	}
	return nil
}

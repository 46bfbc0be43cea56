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

// Result is what became of telling one client.
type Result struct {
	ClientID string        `json:"client_id"`
	Name     string        `json:"name"`               // the client's, for people
	Heard    bool          `json:"heard"`              // of everything that it was told
	Took     time.Duration `json:"took"`               // until it answered or failed; 0 if it was not tried or has not ended
	Err      string        `json:"error,omitempty"`    // why it has not heard, safe to show; "" if it has
	GivenUp  bool          `json:"given_up,omitempty"` // nobody will try again, unless an admin sends it again
}

// Retrying says that the client will be told later.
func (r Result) Retrying() bool { return !r.Heard && !r.GivenUp }

// merge adds what became of another notice of the same client.
func (r *Result) merge(o Result) {
	if r.Took = max(r.Took, o.Took); o.Heard {
		return
	}
	// One notice that is tried again makes the whole a matter of trying again.
	if r.Heard || !o.GivenUp {
		r.GivenUp, r.Err = o.GivenUp, o.Err
	}
	r.Heard = false
}

// Deliver tells all clients at once, and returns when each has heard or failed, or
// when ctx ends; what is under way then goes on to its own deadline. For clients
// that failed the last time it waits only a moment. There is one result for each
// client, in the order of its first notice. What was not heard stays in the outbox
// for Run. A notice goes to the address that is registered now, whatever it says.
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

// byClient groups notices, and gives each client the result that it has untried.
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

// tell delivers all notices of one client, as fast as its lane allows. What gets no
// turn is left as untried says.
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
		if fails { // one to find out; then all that its lane is wide
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
	// Once begun it has its whole time, though the caller may have gone: half an
	// attempt would count as a failure of the client.
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
		s.Logger.Log(ctx, level, "a client was not told of a sign-out", "client_id", n.ClientID, "sid", n.SID,
			"attempts", try.Attempt, "given_up", r.GivenUp, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.recording)
	defer cancel()
	if err := s.Records.NoticeTried(ctx, try); err != nil {
		s.Logger.Warn("what became of a logout token was not recorded; it will be sent again", "client_id", n.ClientID, "sid", n.SID, "error", err)
	}
	return r
}

// post sends one logout token (Back-Channel Logout §2.5). Answers of 200 and 204
// mean that it was heard (§2.8).
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
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerLimit)) // so that the connection can be used again
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return answered(res.StatusCode)
	}
	return nil
}

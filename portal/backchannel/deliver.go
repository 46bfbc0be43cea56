package backchannel

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse.example/portal/store"
)

// Result is the result of the notices to one client.
type Result struct {
	ClientID  string        `json:"client_id"`
	Name      string        `json:"name"`               // the client's, for display
	Delivered bool          `json:"heard"`              // all its notices were delivered
	Took      time.Duration `json:"took"`               // until it answered or failed; 0 if untried or not ended
	Err       string        `json:"error,omitempty"`    // why one was not delivered, safe to show; "" if all were
	GivenUp   bool          `json:"given_up,omitempty"` // there is no further attempt, unless an administrator resends it
}

// Retrying reports whether a notice will be retried.
func (r Result) Retrying() bool { return !r.Delivered && !r.GivenUp }

// merge adds the result of another notice of the same client.
func (r *Result) merge(o Result) {
	if r.Took = max(r.Took, o.Took); o.Delivered {
		return
	}
	// If one notice is retried, the merged result is Retrying.
	if r.Delivered || !o.GivenUp {
		r.GivenUp, r.Err = o.GivenUp, o.Err
	}
	r.Delivered = false
}

// Deliver posts the notices to all clients in parallel, and returns when each client has answered or failed, or when
// ctx ends; deliveries that have begun then continue until their timeout. For clients whose last delivery failed it
// waits only for failingTimeout. It returns one result for each client, in the order of its first notice. Undelivered
// notices stay in the outbox for Run. A notice is sent to the URI that is registered now, not to the one stored in
// it.
func (s *Sender) Deliver(ctx context.Context, notices []store.Notice) []Result {
	if len(notices) == 0 {
		return nil
	}
	var ids []string
	byClient := map[string][]store.Notice{}
	for _, n := range notices {
		if byClient[n.ClientID] == nil {
			ids = append(ids, n.ClientID)
		}
		byClient[n.ClientID] = append(byClient[n.ClientID], n)
	}
	results := make([]Result, len(ids))
	for i, id := range ids {
		results[i] = Result{ClientID: id, Name: id, Err: notTried}
	}
	registered, err := s.Records.LogoutURIs(ctx, ids)
	if s.logOutboxState(ctx, err); err != nil {
		return results
	}
	type clientResult struct {
		i       int
		failing bool // its last delivery had failed
		Result
	}
	done := make(chan clientResult, len(ids))
	pending := map[bool]int{} // clients by failing
	for i, id := range ids {
		client := registered[id]
		results[i].Name = cmp.Or(client.Name, id)
		for j := range byClient[id] {
			byClient[id][j].URI = client.URI
		}
		untried, failing := results[i], s.clients.fails(id)
		pending[failing]++
		go func() { done <- clientResult{i, failing, s.deliverToClient(ctx, untried, byClient[id], failing)} }()
	}
	timeout := time.NewTimer(s.timeouts.failing)
	defer timeout.Stop()
	for awaitFailing := true; pending[false] > 0 || awaitFailing && pending[true] > 0; {
		select {
		case r := <-done:
			results[r.i] = r.Result
			pending[r.failing]--
		case <-timeout.C:
			awaitFailing = false
		case <-ctx.Done():
			return results
		}
	}
	return results
}

// deliverToClient delivers all notices of one client, as fast as its slots allow. For a notice that got none the result
// is untried.
func (s *Sender) deliverToClient(ctx context.Context, untried Result, notices []store.Notice, failing bool) Result {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	results := slices.Repeat([]Result{untried}, len(notices))
	var wg sync.WaitGroup
	for i, n := range notices {
		slot, ok := s.clients.acquire(ctx, n.ClientID)
		if !ok {
			continue
		}
		deliver := func() {
			results[i] = s.deliver(ctx, n)
			slot.finish(results[i].Delivered)
		}
		if !failing {
			wg.Go(deliver)
			continue
		}
		deliver() // one delivery to probe the client; then as many as its slots allow
		if failing = !results[i].Delivered; failing {
			break
		}
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
	r := Result{ClientID: n.ClientID, Delivered: err == nil, Took: time.Since(begun)}
	now := s.Now()
	attempt := store.DeliveryAttempt{NoticeID: n.ID, Attempt: max(n.Attempts, 1), At: now, Took: r.Took}
	if err != nil {
		attempt.Failure, attempt.RetryAt = describeFailure(err), retryTime(n, attempt.Attempt, now, err)
		r.Err, r.GivenUp = attempt.Failure, attempt.RetryAt.IsZero()
		level := slog.LevelWarn
		if r.GivenUp {
			level = slog.LevelError
		}
		s.Logger.Log(ctx, level, "a logout token was not delivered", "client_id", n.ClientID, "sid", n.SID,
			"attempts", attempt.Attempt, "given_up", r.GivenUp, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeouts.record)
	defer cancel()
	if err := s.Records.RecordAttempt(ctx, attempt); err != nil {
		s.Logger.Warn("cannot record the result of a delivery; the logout token will be sent again", "client_id", n.ClientID, "sid", n.SID, "error", err)
	}
	return r
}

// post sends one logout token (Back-Channel Logout §2.5). Status 200 and 204 mean that it was accepted (§2.8);
// others are returned as an error of type statusError.
func (s *Sender) post(ctx context.Context, n store.Notice) error {
	if n.URI == "" {
		return errUnregistered
	}
	raw, err := s.Tokens.Logout(n.UserID, n.SID, n.ClientID)
	if err != nil {
		return fmt.Errorf("backchannel: %w: %w", errUnsigned, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeouts.delivery)
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
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxBodyBytes)) // so that the connection can be reused
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return statusError(res.StatusCode)
	}
	return nil
}

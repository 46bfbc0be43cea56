package revoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
)

const (
	// maxLifetime is how long a denylist entry of a sign-in or a user is kept: an app's session, which learns of the
	// revocation only from it, lasts at most a day, and an access token minutes plus the clock leeway.
	maxLifetime = 24*time.Hour + 10*time.Minute
	// revokeTimeout is the timeout of Revoke, except for its receipt.
	revokeTimeout = 10 * time.Second
	// notifyTimeout is the timeout of waiting for the clients, however many they are.
	notifyTimeout = 3 * time.Second
	// receiptTimeout is the timeout of storing a receipt, after the revocation itself.
	receiptTimeout = 2 * time.Second
	// propagationTimeout is the time after which every replica that may still answer has a published revocation.
	propagationTimeout = 5 * time.Second
)

// Records is the part of the store that revocations need.
type Records interface {
	EndSignIns(ctx context.Context, e store.EndRequest) (store.Outcome, error)
	EndDeniedSignIns(ctx context.Context, r store.Revocation, limit int, now, deliverAt, claimedUntil time.Time) (store.Outcome, bool, error)
	ClaimDenial(ctx context.Context, now, claimedUntil time.Time) (store.Revocation, error)
	PendingRevocations(ctx context.Context, now time.Time, limit int) ([]store.Revocation, error)
	ActiveRevocations(ctx context.Context, after int64, now time.Time, published bool, limit int) ([]store.Revocation, error)
	MarkRevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error
	HighestRevocation(ctx context.Context, now time.Time) (int64, error)
	PurgeRevocations(ctx context.Context, now time.Time) error
	ChangeReceipt(ctx context.Context, r store.Receipt, change func(text string) (string, error)) error
	Receipt(ctx context.Context, id string) (store.Receipt, error)
}

// Sessions are the portal's sessions.
type Sessions interface {
	EndSignIns(ctx context.Context, sids ...string) (int, error)
}

// Sender delivers logout tokens to clients.
type Sender interface {
	Deliver(ctx context.Context, notices []store.Notice) []backchannel.Result
}

// Deps are the dependencies of a Service. Bound is how long it waits for replicas to confirm; denylist.DefaultBound
// if zero. NotifyRelay, if set, is called after events were recorded, so that they are published soon.
type Deps struct {
	Records     Records
	Log         Log
	Sessions    Sessions
	Sender      Sender
	Now         func() time.Time
	Logger      *slog.Logger
	Bound       time.Duration
	NotifyRelay func()
}

// Service revokes sign-ins and tokens, and keeps the denylist in Redis consistent with the database.
type Service struct {
	d           Deps
	publisher   publisher
	unfinished  chan store.Revocation // denials with more sign-ins than Revoke ended
	lastState   syncState
	receiptJobs sync.WaitGroup // calls of completeReceipts
}

// New returns a service, or an error if a dependency is missing.
func New(d Deps) (*Service, error) {
	if d.Records == nil || d.Log == nil || d.Sessions == nil || d.Sender == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("revoke: a required option is unset")
	}
	if d.Bound <= 0 {
		d.Bound = denylist.DefaultBound
	}
	if d.NotifyRelay == nil {
		d.NotifyRelay = func() {}
	}
	return &Service{
		d: d, publisher: publisher{records: d.Records, log: d.Log, now: d.Now, logger: d.Logger, writing: make(chan struct{}, 1)},
		unfinished: make(chan store.Revocation, 64), lastState: syncState{suspectLoss: true},
	}, nil
}

// Run keeps Redis consistent with the database, and ends denied sign-ins, until ctx ends. Then it returns nil.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.runSync(ctx) })
	group.Go(func() error { return s.runDenials(ctx) })
	err := group.Wait()
	s.receiptJobs.Wait()
	return err
}

// Revoke records the request in the outbox, publishes it, waits until every replica has confirmed, and returns the
// receipt. An error means that nothing was changed; for a note that is too long it is a *web.Error. Without an error
// the revocation is committed. If the receipt is Confirmed, no replica accepts the revoked sign-ins and tokens,
// except those in Receipt.Denylist.Missing, until the time given there. A target that is unknown, expired or has
// ended is no error.
func (s *Service) Revoke(ctx context.Context, r Request) (Receipt, error) {
	if err := r.validate(); err != nil {
		return Receipt{}, err
	}
	now := s.d.Now()
	if !r.canExist(now) {
		if len(r.With) == 0 {
			return Receipt{Confirmed: true}, nil
		}
		r.UserID, r.SID, r.Token = "", "", ""
	}
	// Continue even if the request's context ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()

	// 1. Commit.
	e := r.endRequest(now)
	out, err := s.d.Records.EndSignIns(ctx, e)
	if err != nil {
		return Receipt{}, err
	}
	if out.UserID != "" || r.UserID != "" {
		s.d.NotifyRelay()
	}

	// 2. Publish to the denylist: from then on no replica accepts the sign-ins.
	receipt := Receipt{ID: out.ID, Confirmed: true}
	recent := s.toPublish(out.Revocations)
	written, err := s.publisher.publish(ctx, recent)
	if err != nil {
		s.d.Logger.Warn("cannot publish a revocation yet; it waits for Redis", "ending", out.ID, "reason", r.Reason, "error", err)
		receipt.Confirmed = false
	}

	// 3. Wait for the replicas' confirmation, end sessions and notify clients.
	var wg sync.WaitGroup
	if len(recent) > 0 && err == nil {
		wg.Go(func() { s.publisher.markPublished(ctx, recent) })
		wg.Go(func() { receipt.Denylist = s.publisher.await(ctx, written, s.d.Bound) })
	}
	sessionsEnded := s.endAndNotify(ctx, r, out, &receipt)
	wg.Wait()
	receipt.Confirmed = receipt.Confirmed && sessionsEnded

	// 4. Store the receipt, unless it is that of an earlier revocation.
	if out.ID == e.ID && len(out.Revocations) > 0 {
		_ = s.changeReceipt(ctx, store.Receipt{ID: e.ID, UserID: cmp.Or(r.UserID, out.UserID), Reason: r.Reason, CreatedAt: now}, receipt.merge)
	}
	if receipt.Ending {
		select {
		case s.unfinished <- out.Revocations[0]:
		default: // the queue is full: a replica finds it when the claim ends
		}
	}
	return receipt, nil
}

// endAndNotify ends the first batch of denied sign-ins, ends the portal's sessions and notifies clients. It reports
// whether the sessions ended.
func (s *Service) endAndNotify(ctx context.Context, r Request, out store.Outcome, receipt *Receipt) bool {
	if r.UserID != "" && len(out.Revocations) > 0 {
		now := s.d.Now()
		claimedUntil := now.Add(backchannel.HandoverTimeout) // until then only this replica delivers and continues
		batch, more, err := s.d.Records.EndDeniedSignIns(ctx, out.Revocations[0], maxDenialBatch, now, claimedUntil, claimedUntil)
		if err != nil {
			s.d.Logger.Warn("cannot end denied sign-ins yet; retrying later", "ending", out.ID, "error", err)
		}
		receipt.Ending = more || err != nil
		out.Ended, out.Notices = batch.Ended, batch.Notices
	}
	receipt.Ended = len(out.Ended)
	sids := out.Ended
	if r.SID != "" && len(sids) == 0 {
		sids = []string{r.SID} // it had ended: an earlier attempt may have been interrupted
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
		defer cancel()
		if len(out.Notices) > 0 {
			receipt.Clients = s.d.Sender.Deliver(ctx, out.Notices)
		}
	})
	ended := s.endSessions(ctx, sids)
	wg.Wait()
	return ended
}

// endSessions ends the portal's sessions of these sign-ins, and reports whether it succeeded.
func (s *Service) endSessions(ctx context.Context, sids []string) bool {
	if len(sids) == 0 {
		return true
	}
	if _, err := s.d.Sessions.EndSignIns(ctx, sids...); err != nil {
		s.d.Logger.Warn("cannot end sessions of the portal; their sign-ins have ended nevertheless", "sign_ins", len(sids), "error", err)
		return false
	}
	return true
}

// toPublish returns the revocations that some replica may not have yet.
func (s *Service) toPublish(all []store.Revocation) (recent []store.Revocation) {
	for _, r := range all {
		if r.PublishedAt.IsZero() || s.d.Now().Sub(r.PublishedAt) < propagationTimeout {
			recent = append(recent, r)
		}
	}
	return recent
}

// Err returns nil if the receipt is Confirmed, else an error that wraps session.ErrUnavailable: the revocation is
// committed, but the user must not be told "signed out" yet.
func (r Receipt) Err() error {
	if r.Confirmed {
		return nil
	}
	return fmt.Errorf("revoke: not every server has confirmed yet: %w", session.ErrUnavailable)
}

// Confirmed returns the error of Revoke or, if that is nil, that of the receipt (Receipt.Err).
func Confirmed(r Receipt, err error) error {
	if err != nil {
		return err
	}
	return r.Err()
}

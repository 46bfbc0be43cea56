package revoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/portal/backchannel"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
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
	// settledAfter is the time after which every replica that may still answer has a published revocation.
	settledAfter = 5 * time.Second
)

// Records is the part of the store that revocations need.
type Records interface {
	EndSignIns(ctx context.Context, e store.Ending) (store.Outcome, error)
	EndDenied(ctx context.Context, r store.Revocation, limit int, now, deliverAt, lease time.Time) (store.Outcome, bool, error)
	ClaimDenial(ctx context.Context, now, lease time.Time) (store.Revocation, error)
	PendingRevocations(ctx context.Context, now time.Time, limit int) ([]store.Revocation, error)
	LivingRevocations(ctx context.Context, after int64, now time.Time, published bool, limit int) ([]store.Revocation, error)
	RevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error
	HighestRevocation(ctx context.Context, now time.Time) (int64, error)
	PurgeRevocations(ctx context.Context, now time.Time) error
	ChangeReceipt(ctx context.Context, r store.Receipt, change func(text string) (string, error)) error
	Receipt(ctx context.Context, ending string) (store.Receipt, error)
}

// Sessions are the portal's sessions.
type Sessions interface {
	EndSIDs(ctx context.Context, sids ...string) error
}

// Sender delivers logout tokens to clients.
type Sender interface {
	Deliver(ctx context.Context, notices []store.Notice) []backchannel.Result
}

// Deps are the dependencies of a Service. Bound is how long it waits for replicas to confirm; denylist.DefaultBound
// if zero. Recorded, if set, is called after events were recorded, so that they are published soon.
type Deps struct {
	Records  Records
	Log      Log
	Sessions Sessions
	Sender   Sender
	Now      func() time.Time
	Logger   *slog.Logger
	Bound    time.Duration
	Recorded func()
}

// Service revokes sign-ins and tokens, and keeps the denylist in Redis consistent with the database.
type Service struct {
	d          Deps
	publisher  publisher
	unfinished chan store.Revocation // denials with more sign-ins than Revoke ended
	seen       syncState
	completing sync.WaitGroup // calls of completeReceipts
}

// New returns a service, or an error if a dependency is missing.
func New(d Deps) (*Service, error) {
	if d.Records == nil || d.Log == nil || d.Sessions == nil || d.Sender == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("revoke: a required option is unset")
	}
	if d.Bound <= 0 {
		d.Bound = denylist.DefaultBound
	}
	if d.Recorded == nil {
		d.Recorded = func() {}
	}
	return &Service{
		d: d, publisher: publisher{records: d.Records, log: d.Log, now: d.Now, logger: d.Logger, writing: make(chan struct{}, 1)},
		unfinished: make(chan store.Revocation, 64), seen: syncState{trouble: true},
	}, nil
}

// Run keeps Redis consistent with the database, and ends denied sign-ins, until ctx ends. Then it returns nil.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.runSync(ctx) })
	group.Go(func() error { return s.runTidy(ctx) })
	err := group.Wait()
	s.completing.Wait()
	return err
}

// Revoke records the request in the outbox, publishes it, waits until every replica has confirmed, and returns the
// receipt. An error means that nothing was changed; for a note that is too long it is a *web.Error. Without an error
// the revocation is committed. If the receipt is Confirmed, no replica accepts the revoked sign-ins and tokens,
// except those in Receipt.Denylist.Missing, until the time given there. A target that is unknown, expired or has
// ended is no error.
func (s *Service) Revoke(ctx context.Context, r Request) (Receipt, error) {
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	now := s.d.Now()
	if !r.plausible(now) {
		if len(r.With) == 0 {
			return Receipt{Confirmed: true}, nil
		}
		r.UserID, r.SID, r.Token = "", "", ""
	}
	// Continue even if the request's context ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	e := r.ending(now)
	out, err := s.d.Records.EndSignIns(ctx, e)
	if err != nil {
		return Receipt{}, err
	}
	if out.UserID != "" || r.UserID != "" {
		s.d.Recorded()
	}
	receipt := s.carryOut(ctx, r, out)
	if out.ID == e.ID && len(out.Revocations) > 0 {
		about := r.UserID
		if about == "" {
			about = out.UserID
		}
		_ = s.changeReceipt(ctx, store.Receipt{Ending: e.ID, UserID: about, Reason: r.Reason, CreatedAt: now}, func(stored *Receipt) bool {
			full := receipt
			if stored.Ended > 0 { // a replica has continued already, and knows whether more is left
				full.Ended, full.Tidying = full.Ended+stored.Ended, stored.Tidying
			}
			if !full.Confirmed && stored.Confirmed {
				full.Denylist, full.Confirmed = stored.Denylist, true // Sync has published it meanwhile
			}
			*stored = full
			return true
		})
	}
	if receipt.Tidying {
		s.continueLater(out.Revocations[0])
	}
	return receipt, nil
}

// carryOut publishes the committed revocations and waits for their confirmation, while it ends sessions and notifies
// clients.
func (s *Service) carryOut(ctx context.Context, r Request, out store.Outcome) Receipt {
	receipt := Receipt{Ending: out.ID, Confirmed: true}
	// The denylist comes first: from then on no replica accepts the sign-ins.
	fresh := s.unsettled(out.Revocations)
	written, err := s.publisher.publish(ctx, fresh)
	if err != nil {
		s.d.Logger.Warn("cannot publish a revocation yet; it waits for Redis", "ending", out.ID, "reason", r.Reason, "error", err)
		receipt.Confirmed = false
	}
	var wg sync.WaitGroup
	if len(fresh) > 0 && err == nil {
		wg.Go(func() { s.publisher.markPublished(ctx, fresh) })
		wg.Go(func() { receipt.Denylist = s.publisher.await(ctx, written, s.d.Bound) })
	}
	ended := true
	wg.Go(func() { ended = s.finish(ctx, r, out, &receipt) })
	wg.Wait()
	receipt.Confirmed = receipt.Confirmed && ended
	return receipt
}

// finish ends the first batch of denied sign-ins, ends the portal's sessions and notifies clients. It reports
// whether the sessions ended.
func (s *Service) finish(ctx context.Context, r Request, out store.Outcome, receipt *Receipt) bool {
	if r.UserID != "" && len(out.Revocations) > 0 {
		now := s.d.Now()
		mine := now.Add(backchannel.HeadStart) // until then only this replica delivers and continues
		batch, more, err := s.d.Records.EndDenied(ctx, out.Revocations[0], tidyBatch, now, mine, mine)
		if err != nil {
			s.d.Logger.Warn("cannot end denied sign-ins yet; retrying later", "ending", out.ID, "error", err)
		}
		receipt.Tidying = more || err != nil
		out.Ended, out.Notices = batch.Ended, batch.Notices
	}
	receipt.Ended = len(out.Ended)
	sids := out.Ended
	if r.SID != "" && len(sids) == 0 {
		sids = []string{r.SID} // it had ended: an earlier attempt may have been interrupted
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		within, stop := context.WithTimeout(ctx, notifyTimeout)
		defer stop()
		if len(out.Notices) > 0 {
			receipt.Told = s.d.Sender.Deliver(within, out.Notices)
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
	if err := s.d.Sessions.EndSIDs(ctx, sids...); err != nil {
		s.d.Logger.Warn("cannot delete portal sessions; their sign-ins have ended anyway", "sign_ins", len(sids), "error", err)
		return false
	}
	return true
}

// unsettled returns the revocations that some replica may not have yet.
func (s *Service) unsettled(all []store.Revocation) (fresh []store.Revocation) {
	for _, r := range all {
		if r.PublishedAt.IsZero() || s.d.Now().Sub(r.PublishedAt) < settledAfter {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// Err returns nil if the receipt is Confirmed, else an error that wraps session.ErrUnavailable: the revocation is
// committed, but the user must not be told "signed out" yet.
func (r Receipt) Err() error {
	if r.Confirmed {
		return nil
	}
	return fmt.Errorf("revoke: not every server has been notified yet: %w", session.ErrUnavailable)
}

// Confirmed returns the error of Revoke or, if that is nil, that of the receipt (Receipt.Err).
func Confirmed(r Receipt, err error) error {
	if err != nil {
		return err
	}
	return r.Err()
}

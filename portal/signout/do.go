package signout

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gatehouse/portal/backchannel"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/web"
)

const (
	// longestNote is that of denylist.Entry, in bytes.
	longestNote = 2000
	// longestName is the length of the longest sub, sid or jti that is looked for.
	longestName = 512
)

// Act says what to end. Of UserID, SID and Token exactly one is given.
type Act struct {
	UserID string // a whole person: all sign-ins
	Except string // UserID only: this sign-in stays
	SID    string // one sign-in
	Token  string // one access token (its jti), or a grant with its refresh tokens (the part before the dot)

	Reason string // one of the constants above
	Note   string // of an admin, shown to admins; at most 2000 bytes
	By     string // sub of whoever does it; "" for the system
	Client string // client_id of the app where it was asked for; "" for the portal

	With  []store.Change // come first, in the same transaction; their errors come back
	Until time.Time      // Token only: when it expires
}

// Done says what became of an act.
type Done struct {
	Ending    string               `json:"ending"` // names the receipt
	Ended     int                  `json:"ended"`  // sign-ins
	Receipt   denylist.Receipt     `json:"receipt"`
	Told      []backchannel.Result `json:"told"`      // clients, by back channel
	Confirmed bool                 `json:"confirmed"` // false: it is written to the database, and Redis is away; it will be told
}

// Do ends what a names. An error means that nothing was done; a note that is too long
// is a web.Error. Without one it is done for good, and, if Confirmed, no server lets
// anything of it in any more, but for those that Receipt.Missing names and for no
// longer than it says. What is unknown, expired or has ended already is no error.
func (s *Service) Do(ctx context.Context, a Act) (Done, error) {
	if err := a.check(); err != nil {
		return Done{}, err
	}
	now := s.d.Now()
	if !a.known(now) {
		if len(a.With) == 0 {
			return Done{Confirmed: true}, nil
		}
		a.UserID, a.SID, a.Token = "", "", ""
	}
	// Once begun it is carried through, though the browser may have gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), carried)
	defer cancel()
	e := a.ending(now)
	out, err := s.d.Records.EndSignIns(ctx, e)
	if err != nil {
		return Done{}, err
	}
	if len(out.Ended) > 0 {
		s.d.Recorded()
	}
	done := s.tell(ctx, a, out)
	if out.ID == e.ID && len(out.Revocations)+len(out.Ended) > 0 {
		s.save(ctx, store.Receipt{Ending: e.ID, UserID: about(a, out), Reason: a.Reason, CreatedAt: now}, done)
	}
	return done, nil
}

func (a *Act) check() error {
	given := 0
	for _, v := range []string{a.UserID, a.SID, a.Token} {
		if v != "" {
			given++
		}
	}
	if given != 1 || a.Reason == "" {
		return errors.New("signout: an act is about one person, one sign-in or one token, and has a reason")
	}
	if len(a.Note) > longestNote {
		return web.Invalid("The note is too long: it may have 2000 bytes, which is about 2000 letters.")
	}
	a.Note = strings.ReplaceAll(strings.ToValidUTF8(a.Note, ""), "\x00", "")
	if a.Client == "" {
		a.Client = portalClient
	}
	return nil
}

// known reports whether there can be what a names: no database is asked for what is
// no text, and nothing is written of a token that has expired.
func (a *Act) known(now time.Time) bool {
	for _, v := range []string{a.UserID, a.Except, a.SID, a.Token} {
		if len(v) > longestName || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return false
		}
	}
	return a.Token == "" || now.Before(a.Until)
}

func (a *Act) ending(now time.Time) store.Ending {
	e := store.Ending{
		ID: rand.Text(), SID: a.SID, UserID: a.UserID, Except: a.Except, Token: a.Token,
		Reason: a.Reason, Note: a.Note, By: a.By, Client: a.Client, Scope: scopeEverywhere,
		Now: now, Until: now.Add(Longest), Retried: now.Add(backchannel.HeadStart), With: a.With,
	}
	if a.SID != "" {
		e.Scope = scopeSession
	}
	if a.Token != "" {
		e.Until = a.Until
	}
	return e
}

// tell lets everyone know of what is true in the database by now.
func (s *Service) tell(ctx context.Context, a Act, out store.Outcome) Done {
	done := Done{Ending: out.ID, Ended: len(out.Ended), Confirmed: true}
	// The denylist comes first: from then on no server lets it in.
	fresh := s.unsettled(out.Revocations)
	written, err := s.d.Denylist.Publish(ctx, fresh)
	if err != nil {
		s.d.Logger.Warn("servers could not be told of an ending; they will be", "ending", out.ID, "reason", a.Reason, "error", err)
		done.Confirmed = false
		s.d.Denylist.Wake()
	}
	var wg sync.WaitGroup
	if len(fresh) > 0 && err == nil {
		wg.Go(func() { s.published(ctx, fresh) })
		wg.Go(func() { done.Receipt = s.d.Denylist.Await(ctx, written, s.d.Bound) })
	}
	ended := true
	wg.Go(func() { ended = s.endSessions(ctx, a, out) })
	wg.Go(func() {
		within, stop := context.WithTimeout(ctx, telling)
		defer stop()
		var notices []store.Notice
		for _, one := range out.Ended {
			notices = append(notices, one.Notices...)
		}
		if len(notices) > 0 {
			done.Told = s.d.Sender.Deliver(within, notices)
		}
	})
	wg.Wait()
	done.Confirmed = done.Confirmed && ended
	return done
}

// unsettled are those that some server may not know of yet.
func (s *Service) unsettled(all []store.Revocation) (fresh []store.Revocation) {
	for _, r := range all {
		if r.PublishedAt.IsZero() || s.d.Now().Sub(r.PublishedAt) < settled {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

func (s *Service) published(ctx context.Context, all []store.Revocation) {
	seqs := make([]int64, len(all))
	for i, r := range all {
		seqs[i] = r.Seq
	}
	if err := s.d.Records.RevocationsPublished(ctx, seqs, s.d.Now()); err != nil {
		s.d.Logger.Warn("published revocations were not noted and will be published again", "error", err)
	}
}

// endSessions ends the portal's own sessions. That of a.SID is ended even if its
// sign-in ended before: an earlier attempt may have been cut short.
func (s *Service) endSessions(ctx context.Context, a Act, out store.Outcome) (all bool) {
	sids := map[string]bool{}
	if a.SID != "" {
		sids[a.SID] = true
	}
	for _, one := range out.Ended {
		sids[one.SID] = true
	}
	all = true
	for sid := range sids {
		if _, err := s.d.Sessions.EndSID(ctx, sid); err != nil {
			s.d.Logger.Warn("a session of the portal could not be ended; its sign-in is over all the same", "sid", sid, "error", err)
			all = false
		}
	}
	return all
}

// about is the person whom an act was about, as far as is known.
func about(a Act, out store.Outcome) string {
	if a.UserID == "" && len(out.Ended) > 0 {
		return out.Ended[0].UserID
	}
	return a.UserID
}

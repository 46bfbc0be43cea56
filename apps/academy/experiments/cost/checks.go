package cost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/apps/academy/experiments/lookup"
	"gatehouse/sso/revocation"
	"gatehouse/sso/session"
	"gatehouse/sso/token"
)

const (
	people    = 1000 // who have a session each, so that looking one up is a search
	cardLife  = time.Hour
	subject   = "learner"
	cookieRAM = "bank_session"
	// mostCards is how many different cards are signed for the way that remembers none:
	// each is shown once, so that no branch has seen it before.
	mostCards = 8_000
)

// none is the count of a branch that knows no Redis.
func none() int64 { return 0 }

// withCookie makes requests with a cookie.
func withCookie(name, value string) func() *http.Request {
	return func() *http.Request {
		r := request()
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		return r
	}
}

// withCard makes requests with a card in the header where RFC 6750 wants it.
func withCard(card func() string) func() *http.Request {
	return func() *http.Request {
		raw := card()
		if raw == "" {
			return nil
		}
		r := request()
		r.Header.Set("Authorization", "Bearer "+raw)
		return r
	}
}

func request() *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "http://branch.bank.example/account", nil) //nolint:errcheck // a constant
	return r
}

// bearer is the card of a request.
func bearer(r *http.Request) string {
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return raw
}

// newRAM keeps sessions in a map, as a branch does that was never meant to have a sibling.
func newRAM() *branch {
	var mu sync.RWMutex
	sessions := map[string]session.Record{}
	var id string
	for range people {
		id = rand.Text()
		sessions[id] = session.Record{Subject: subject}
	}
	return &branch{commands: none, present: withCookie(cookieRAM, id), check: func(r *http.Request) (string, error) {
		k, err := r.Cookie(cookieRAM)
		if err != nil {
			return "", errStranger
		}
		mu.RLock()
		rec, ok := sessions[k.Value]
		mu.RUnlock()
		if !ok {
			return "", errStranger
		}
		return rec.Subject, nil
	}}
}

// newRedis keeps them where the apps of the estate do.
func newRedis(ctx context.Context, rdb *lookup.Client) (*branch, error) {
	store, err := session.New(rdb, session.Options{Service: "bank"})
	if err != nil {
		return nil, err
	}
	w, r := httptest.NewRecorder(), request()
	if err := store.Start(ctx, w, r, session.Record{Subject: subject, SID: "sign-in", AuthTime: time.Now()}); err != nil {
		return nil, err
	}
	k := w.Result().Cookies()
	if len(k) != 1 {
		return nil, errors.New("cost: a session without a cookie")
	}
	return &branch{commands: rdb.Commands, present: withCookie(k[0].Name, k[0].Value), check: func(r *http.Request) (string, error) {
		rec, err := store.Load(r)
		switch {
		case err != nil:
			return "", err
		case rec == nil:
			return "", errStranger
		}
		return rec.Subject, nil
	}}, nil
}

// newFresh checks the signature of each card, since it has never seen one of them.
func newFresh(ctx context.Context, o *office) (*branch, error) {
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	cards, err := o.sign(ctx, mostCards)
	if err != nil {
		return nil, err
	}
	var next atomic.Int64
	return &branch{commands: none, check: access(v), present: withCard(func() string {
		if i := next.Add(1); i <= int64(len(cards)) {
			return cards[i-1]
		}
		return ""
	})}, nil
}

// newRemembered sees the same card again and again.
func newRemembered(ctx context.Context, o *office) (*branch, error) {
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	one, err := o.sign(ctx, 1)
	if err != nil {
		return nil, err
	}
	return &branch{commands: none, check: access(v), present: withCard(func() string { return one[0] })}, nil
}

func access(v *token.Verifier) check {
	return func(r *http.Request) (string, error) {
		c, err := v.Access(r.Context(), bearer(r))
		if err != nil {
			return "", err
		}
		return c.Subject, nil
	}
}

var errDenied = errors.New("this card was revoked")

// newExists asks Redis about each card, too.
func newExists(ctx context.Context, o *office, rdb *lookup.Client) (*branch, error) {
	b, err := newRemembered(ctx, o)
	if err != nil {
		return nil, err
	}
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	b.commands = rdb.Commands
	b.check = func(r *http.Request) (string, error) {
		c, err := v.Access(r.Context(), bearer(r))
		if err != nil {
			return "", err
		}
		switch over, err := rdb.Denied(r.Context(), c.ID); {
		case err != nil:
			return "", err
		case over:
			return "", errDenied
		}
		return c.Subject, nil
	}
	return b, nil
}

// newMirrored asks the denylist in its own memory, which follows Redis beside the requests.
func newMirrored(ctx context.Context, o *office, rdb *lookup.Client, logger *slog.Logger) (*branch, error) {
	b, err := newRemembered(ctx, o)
	if err != nil {
		return nil, err
	}
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	log, err := revocation.NewLog(rdb)
	if err != nil {
		return nil, err
	}
	if err := log.Rebuild(ctx, 0, denylist()); err != nil {
		return nil, err
	}
	m, err := revocation.NewMirror(revocation.Options{Redis: rdb, Service: "bank", Replica: withMirror, Logger: logger})
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until stop
	var runs sync.WaitGroup
	runs.Go(func() { _ = m.Run(life) })
	b.stop = func() { cancel(); runs.Wait() }
	b.commands = rdb.Commands
	b.check = func(r *http.Request) (string, error) {
		c, err := v.Access(r.Context(), bearer(r))
		if err != nil {
			return "", err
		}
		if err := m.Check(c.Subject, c.SID, c.ID, c.Authenticated()); err != nil {
			return "", err
		}
		return c.Subject, nil
	}
	if err := ready(ctx, m); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// deniedPeople are on the denylist while it is asked, so that it is not an empty table.
const deniedPeople = 1000

func denylist() func(yield func(revocation.Entry, error) bool) {
	return func(yield func(revocation.Entry, error) bool) {
		now := time.Now()
		for i := range deniedPeople {
			e := revocation.Entry{
				Kind: revocation.SignIn, Value: fmt.Sprintf("signed-out-%d", i), Reason: revocation.SignedOut,
				At: now, Until: now.Add(cardLife), Seq: int64(i + 1),
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// ready waits until the mirror has its first copy.
func ready(ctx context.Context, m *revocation.Mirror) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for m.Ready(ctx) != nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("cost: the mirror is not ready: %w", context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

package cost

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse.example/apps/academy/experiments/lookup"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/token"
)

const (
	people    = 1000 // each with a session, so that a look-up is a real search
	cardLife  = time.Hour
	subject   = "learner"
	cookieRAM = "bank_session"
)

// none returns 0, the count of a branch that does not use Redis.
func none() int64 { return 0 }

// withCookie returns a function that makes requests with a cookie.
func withCookie(name, value string) func() *http.Request {
	return func() *http.Request {
		r := request()
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		return r
	}
}

// withCard returns a function that makes requests with a card in the Authorization header (RFC 6750), or nil when
// there are no more cards.
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

// bearer returns the card of a request.
func bearer(r *http.Request) string {
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return raw
}

// newRAM returns a branch with sessions in a map, as in a server that is the only one.
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

// newRedis returns a branch with sessions in Redis, as in the apps (sso/session).
func newRedis(ctx context.Context, rdb *lookup.Client) (*branch, error) {
	store, err := session.New(rdb, session.Options{Service: "bank", Keys: [][]byte{[]byte(rand.Text())}})
	if err != nil {
		return nil, err
	}
	w, r := httptest.NewRecorder(), request()
	if _, err := store.Start(ctx, w, r, session.Record{Subject: subject, SID: "sign-in", AuthTime: time.Now()}); err != nil {
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

// newFresh returns a branch that checks each card's signature, since it gets each card only once.
func newFresh(ctx context.Context, o *office) (*branch, error) {
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	cards, err := o.many(ctx)
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

// newRemembered returns a branch that gets the same card each time, so that the verifier remembers it.
func newRemembered(o *office) (*branch, error) {
	v, err := o.verifier()
	if err != nil {
		return nil, err
	}
	one, err := o.one()
	if err != nil {
		return nil, err
	}
	return &branch{commands: none, check: access(v), present: withCard(func() string { return one })}, nil
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

// newExists returns a branch that also queries Redis for each card.
func newExists(o *office, rdb *lookup.Client) (*branch, error) {
	b, err := newRemembered(o)
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

package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/sso/session"
)

// notebook keeps sessions where all branches find them: package sso/session over Redis.
// A branch has connections of its own to it, as a process of its own would have.
type notebook struct {
	store *session.Store
	rdb   *redis.Client
}

// notebookKey seals the sessions of all branches, which are in this process.
var notebookKey = []byte(rand.Text())

func newNotebook(rdb *redis.Client) (*notebook, error) {
	store, err := session.New(rdb, session.Options{Service: "bank", Keys: [][]byte{notebookKey}}) // whose cookie is CookieName
	if err != nil {
		return nil, err
	}
	return &notebook{store, rdb}, nil
}

// away translates what sso/session says when Redis does not answer.
func away(err error) error {
	if errors.Is(err, session.ErrUnavailable) {
		return absence("it can't look into the shared notebook, since Redis does not answer. The cookie is kept")
	}
	return err
}

func (n *notebook) signIn(w http.ResponseWriter, r *http.Request, name string) error {
	return away(n.store.Start(r.Context(), w, r, session.Record{Subject: name, Name: name, SID: rand.Text(), AuthTime: time.Now()}))
}

func (n *notebook) who(r *http.Request) (string, error) {
	rec, err := n.store.Load(r)
	switch {
	case err != nil:
		return "", away(err)
	case rec != nil:
		return rec.Name, nil
	}
	if _, err := r.Cookie(CookieName); err != nil {
		return "", noCookie
	}
	return "", stranger("the session that the cookie names is not in the shared notebook")
}

func (n *notebook) signOut(w http.ResponseWriter, r *http.Request) error {
	return away(n.store.End(r.Context(), w, r))
}

func (*notebook) sessions() int { return -1 }

func (*notebook) words() words {
	return words{"wrote it into the shared notebook", "from the shared notebook", "struck the session out of the shared notebook"}
}

// ready is for after a restart of Redis: a client that was refused often tries anew only
// now and then, and answers from what it remembers meanwhile.
func (n *notebook) ready(ctx context.Context) error {
	return until(ctx, func() bool { return n.rdb.Ping(ctx).Err() == nil })
}

// until waits until something is so, or ctx ends.
func until(ctx context.Context, so func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (n *notebook) close() { _ = n.rdb.Close() }

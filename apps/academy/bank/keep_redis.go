package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/session"
)

// notebook keeps sessions where all branches find them: package sso/session over Redis. Each branch has its own
// connections to Redis, as a separate process would.
type notebook struct {
	store *session.Store
	rdb   *redis.Client
}

// notebookKey encrypts the sessions of all branches, which share this process.
var notebookKey = []byte(rand.Text())

func newNotebook(rdb *redis.Client) (*notebook, error) {
	store, err := session.New(rdb, session.Options{Service: "bank", Keys: [][]byte{notebookKey}}) // cookie: CookieName
	if err != nil {
		return nil, err
	}
	return &notebook{store, rdb}, nil
}

// away translates session.ErrUnavailable into an absence.
func away(err error) error {
	if errors.Is(err, session.ErrUnavailable) {
		return absence("it can't read the shared notebook, because Redis isn't responding. The cookie is kept")
	}
	return err
}

func (n *notebook) signIn(w http.ResponseWriter, r *http.Request, name string) error {
	_, err := n.store.Start(r.Context(), w, r, session.Record{Subject: name, Name: name, SID: rand.Text(), AuthTime: time.Now()})
	return away(err)
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

// ready waits until Redis answers. After a restart of Redis, a go-redis client that was refused often dials only now
// and then, and returns its last error in between.
func (n *notebook) ready(ctx context.Context) error {
	return until(ctx, func() bool { return n.rdb.Ping(ctx).Err() == nil })
}

// until polls so every 5 ms until it reports true; it returns ctx's error if ctx ends first.
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

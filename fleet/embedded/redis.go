package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// A key may expire up to one tick early or late: miniredis subtracts the time of a whole tick also from a key that was
// set during it. A sweep visits every key, so the interval grows with their number, to spend at most one part in
// sweepShare of the time on sweeping.
const (
	tickInterval = 20 * time.Millisecond
	sweepShare   = 50
)

// Redis is a Redis server in this process. Its data is lost with the process.
type Redis struct {
	server   *miniredis.Miniredis
	password string
	addr     string
	stop     chan struct{}
	stopped  sync.WaitGroup
	once     sync.Once

	mu     sync.Mutex // of Stop, Restart and Close
	up     bool
	closed bool
}

// StartRedis starts a server on a free port of 127.0.0.1, with a random password. Keys expire as on a real Redis,
// within 20 ms.
func StartRedis() (*Redis, error) {
	r := &Redis{server: miniredis.NewMiniRedis(), password: rand.Text(), stop: make(chan struct{})}
	r.server.RequireAuth(r.password) // before it listens, so that it is never open
	if err := r.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("starting the embedded Redis: %w", err)
	}
	r.addr, r.up = r.server.Addr(), true
	r.stopped.Go(r.expireKeys)
	return r, nil
}

// URL returns redis://:password@127.0.0.1:port/0. It is a secret: do not log it.
func (r *Redis) URL() string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("", r.password), Host: r.addr, Path: "/0"}
	return u.String()
}

// Stop closes the server's listener and all its connections, as if it were shut down. Its data stays, and keys continue
// to expire, as on a Redis with persistence. It does nothing if the server is stopped.
func (r *Redis) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.up {
		r.up = false
		r.server.Close()
	}
}

// Restart starts a stopped server again, with the same address and data. It returns an error if the address is in use
// or the server was closed. It does nothing if the server runs.
func (r *Redis) Restart() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return errors.New("the embedded Redis is closed")
	case r.up:
		return nil
	}
	// miniredis does not renew the context that Close cancels, so that blocking commands would fail. Nothing reads the
	// field at the same time: Close has waited for every connection.
	r.server.Ctx, r.server.CtxCancel = context.WithCancel(context.Background())
	if err := r.server.StartAddr(r.addr); err != nil {
		r.server.CtxCancel()
		return fmt.Errorf("restarting the embedded Redis: %w", err)
	}
	r.up = true
	return nil
}

// Close stops the server for good. It may be called more than once.
func (r *Redis) Close() {
	r.once.Do(func() {
		close(r.stop)
		r.stopped.Wait()
		r.Stop()
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
	})
}

// expireKeys expires keys as time passes, until the server is closed. miniredis has a mode that does so at each command
// (ClockTTL), but that visits every key at each command.
func (r *Redis) expireKeys() {
	timer := time.NewTimer(tickInterval)
	defer timer.Stop()
	last := time.Now() // monotonic: setting the clock must not expire sessions
	for {
		select {
		case <-r.stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		r.server.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(tickInterval, sweepShare*time.Since(now)))
	}
}

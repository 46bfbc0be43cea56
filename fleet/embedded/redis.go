// Package embedded runs a Redis inside this process, for an estate on one machine without set-up. It is
// miniredis with what that lacks for real use: a password, and time that passes.
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

// A tick is how late, and how early, a key may expire: miniredis subtracts the time of a whole tick
// also from a key set in the middle of it. A sweep walks every key, so that ticks get longer with their number,
// to spend at most one part in sweepShare of the time on sweeping.
const (
	tick       = 20 * time.Millisecond
	sweepShare = 50
)

// Redis is a Redis server in this process. What it holds is lost with the process.
type Redis struct {
	server   *miniredis.Miniredis
	password string
	addr     string
	stop     chan struct{}
	stopped  sync.WaitGroup
	once     sync.Once

	mu     sync.Mutex // of those who stop and start it
	up     bool
	closed bool
}

// StartRedis starts a server on a free port of 127.0.0.1, with a random password. Keys expire as on a real
// Redis, give or take 20 ms.
func StartRedis() (*Redis, error) {
	r := &Redis{server: miniredis.NewMiniRedis(), password: rand.Text(), stop: make(chan struct{})}
	r.server.RequireAuth(r.password) // before it listens: it is never open
	if err := r.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("starting the embedded Redis: %w", err)
	}
	r.addr, r.up = r.server.Addr(), true
	r.stopped.Go(r.passTime)
	return r, nil
}

// URL is redis://:password@127.0.0.1:port/0. It is a secret: do not log it.
func (r *Redis) URL() string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("", r.password), Host: r.addr, Path: "/0"}
	return u.String()
}

// Stop closes the server's door and all its connections, as one that is shut down. What it holds stays, and goes on
// to expire, as on a Redis that keeps its data on a disk. Stopping it twice is no error.
func (r *Redis) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.up {
		r.up = false
		r.server.Close()
	}
}

// Restart opens a stopped server again, at the same address and with what it holds. That fails when somebody else has
// taken the address meanwhile. Restarting one that runs is no error.
func (r *Redis) Restart() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return errors.New("the embedded Redis is closed for good")
	case r.up:
		return nil
	}
	// miniredis does not renew what Close cancels, and would answer no command that blocks. Nobody reads it now: Close
	// has waited for every connection.
	r.server.Ctx, r.server.CtxCancel = context.WithCancel(context.Background())
	if err := r.server.StartAddr(r.addr); err != nil {
		r.server.CtxCancel()
		return fmt.Errorf("restarting the embedded Redis: %w", err)
	}
	r.up = true
	return nil
}

// Close stops the server for good. It may be called twice.
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

// passTime makes keys expire. miniredis has a mode that does it at each command (ClockTTL), but that walks
// every key at each command.
func (r *Redis) passTime() {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	last := time.Now() // monotonic: a clock that is set does not sign anyone out
	for {
		select {
		case <-r.stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		r.server.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(tick, sweepShare*time.Since(now)))
	}
}

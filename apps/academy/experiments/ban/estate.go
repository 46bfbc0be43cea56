package ban

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/fleet/embedded"
	"gatehouse.example/sso/denylist"
)

const (
	audience = "bank"
	patience = 5 * time.Second // timeout of a request
	// together is the number of servers that are opened at a time, since each loads the denylist.
	together = 25
)

// estate holds all servers and what they share.
type estate struct {
	life   context.Context
	end    context.CancelFunc
	redis  *embedded.Redis
	rdb    *redis.Client // the writer's
	log    *denylist.Log
	issuer *card.Issuer

	changing sync.Mutex // held while servers are opened and closed
	servers  atomic.Pointer[[]*server]
}

func openEstate(ctx context.Context) (_ *estate, err error) {
	e := &estate{}
	e.life, e.end = context.WithCancel(context.WithoutCancel(ctx))
	e.servers.Store(&[]*server{})
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if e.issuer, err = card.New("bank", nil); err != nil {
		return nil, err
	}
	if e.redis, err = embedded.StartRedis(); err != nil {
		return nil, err
	}
	e.rdb = e.client(nil)
	if e.log, err = denylist.NewLog(e.rdb); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := e.log.Rebuild(ctx, 0, func(func(denylist.Entry, error) bool) {}); err != nil {
		return nil, fmt.Errorf("ban: an empty denylist: %w", err)
	}
	return e, nil
}

// client returns a new client of the run's Redis; dial replaces the default dialer if it is not nil.
func (e *estate) client(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *redis.Client {
	o := e.redis.ClientOptions()
	if dial != nil {
		o.Dialer = dial
	} else { // the writer waits for an embedded Redis that 500 servers keep busy
		o.ReadTimeout, o.WriteTimeout = patience, patience
	}
	return redis.NewClient(o)
}

// all returns the open servers. The slice must not be changed.
func (e *estate) all() []*server { return *e.servers.Load() }

// resize opens servers or closes the last ones until there are n, and reports the number in between to now.
func (e *estate) resize(ctx context.Context, n int, now func(int)) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	if have := e.all(); len(have) > n {
		left := have[:n:n]
		e.servers.Store(&left)
		closeServers(have[n:])
	}
	for have := e.all(); len(have) < n; have = e.all() {
		more, err := e.openSome(ctx, len(have)+1, min(len(have)+together, n))
		if err != nil {
			return err
		}
		next := append(have[:len(have):len(have)], more...)
		e.servers.Store(&next)
		now(len(next))
	}
	now(n)
	return nil
}

// openSome opens the servers numbered from to to, and waits until each has loaded the denylist.
func (e *estate) openSome(ctx context.Context, from, to int) (some []*server, err error) {
	defer func() {
		if err != nil {
			closeServers(some)
		}
	}()
	for n := from; n <= to; n++ {
		s, err := e.openServer(n)
		if err != nil {
			return some, err
		}
		some = append(some, s)
	}
	for _, s := range some {
		if err := until(ctx, func() bool { return s.mirror.Ready(ctx) == nil }); err != nil {
			return some, fmt.Errorf("ban: %s is not ready: %w", s.id, err)
		}
	}
	return some, nil
}

func closeServers(some []*server) {
	var all sync.WaitGroup
	for _, s := range some {
		all.Go(s.close)
	}
	all.Wait()
}

// close stops everything.
func (e *estate) close() {
	e.end()
	e.changing.Lock()
	defer e.changing.Unlock()
	have := e.all()
	e.servers.Store(&[]*server{})
	closeServers(have)
	if e.rdb != nil {
		_ = e.rdb.Close()
	}
	if e.redis != nil {
		e.redis.Close()
	}
}

// until polls is every 2 ms until it returns true; it returns ctx's error if ctx ends first.
func until(ctx context.Context, is func() bool) error {
	for !is() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

package rp_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/tests/env"
)

// trips notes what a client asks Redis: a line for each round trip.
type trips struct {
	mu   sync.Mutex
	made []string
}

func (l *trips) note(name string) { l.mu.Lock(); defer l.mu.Unlock(); l.made = append(l.made, name) }

func (l *trips) take() (made []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	made, l.made = l.made, nil
	return made
}

func (l *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { l.note(cmd.Name()); return next(ctx, cmd) }
}

func (l *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { l.note("pipeline"); return next(ctx, cmds) }
}

// loaded is a mirror that knows the denylist, and does not follow it any more: what is
// asked through own is not its work in the background.
func loaded(t *testing.T, rdb redis.UniversalClient, own *redis.Client) *denylist.Mirror {
	t.Helper()
	newDenylist(t, rdb)
	m, err := denylist.NewMirror(denylist.Options{
		Redis: own, Service: "shop", Replica: "shop-1", Logger: slog.New(slog.DiscardHandler), Bound: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = m.Run(ctx) }()
	for m.Ready(ctx) != nil && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
	if err := m.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// A signed-in request costs one round trip to Redis, its session; the denylist costs none. An API's token costs none.
func TestCost_OneRoundTripForASessionAndNoneForTheDenylist(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		var l trips
		own := redis.NewClient(rdb.(*redis.Client).Options())
		t.Cleanup(func() { _ = own.Close() })
		own.AddHook(&l)
		denied := loaded(t, rdb, own)
		a := newAppWith(t, p, own, func(c *rp.Config) { c.Denied = denied })
		b := newBrowser(t)
		if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
			t.Fatalf("answered %d %q", got.status, got.body)
		}
		for name, server := range map[string]string{"the replica that signed in": a.URL, "another": a.other.URL} {
			l.take()
			for range 3 {
				b.get(server + "/orders")
				if made := l.take(); !slices.Equal(made, []string{"get"}) {
					t.Errorf("%s asks Redis %q for one request", name, made)
				}
			}
		}
		claims := p.claims(a.URL)
		claims["jti"], claims["client_id"], claims["scope"] = "j", "forum", "things:read"
		token := p.sign("at+jwt", claims)
		for range 2 {
			got := newBrowser(t).get(a.URL+"/api/things", "Authorization", "Bearer "+token)
			if made := l.take(); got.status != http.StatusOK || len(made) != 0 {
				t.Errorf("a token is answered %d, and Redis is asked %q", got.status, made)
			}
		}
	})
}

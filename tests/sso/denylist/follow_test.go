package denylist_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

// lockedBuffer is a bytes.Buffer for concurrent use.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.buf.String(), text)
}

func TestMirror_LogsThatItFollowsAgainAfterAShortOutage(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		// The mirror's clock stands still: the whole outage is within a second of the message about it.
		var clock atomic.Int64
		clock.Store(time.Now().UnixNano())
		var l line
		var logged lockedBuffer
		m := e.mirror("shop-1", e.lined(&l), func(o *denylist.Options) {
			o.Now = func() time.Time { return time.Unix(0, clock.Load()) }
			o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		})
		l.cut.Store(true)
		e.eventually("the outage is logged", func() bool { return logged.has("cannot follow the denylist") })
		l.cut.Store(false)
		w := e.write(sid("after-the-outage"))
		e.eventually("the log is followed", func() bool { return m.Stats().Position == w.Position })
		clock.Add(int64(time.Second))
		e.eventually("the recovery is logged", func() bool { return logged.has("following the denylist again") })
	})
}

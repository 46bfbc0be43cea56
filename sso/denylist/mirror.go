package denylist

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/sso/luascript"

	"github.com/redis/go-redis/v9"
)

// ErrDenied says that a session or token was revoked.
var ErrDenied = errors.New("denylist: denied")

// ErrStale says that the mirror has not heard from Redis for longer than it may, so
// that nobody knows whether a session or token is denied. Cookies are to be kept, the
// answer is 503.
var ErrStale = errors.New("denylist: the denylist is not up to date")

// DefaultBound is after how much silence a mirror refuses.
const DefaultBound = time.Second

// Options are what a mirror needs. Those from Logger on may be left out.
type Options struct {
	Redis   redis.UniversalClient
	Service string // "shop"
	Replica string // "shop-2"
	Version string

	Logger *slog.Logger
	// Bound is after how much silence of Redis the mirror refuses; DefaultBound.
	Bound time.Duration
	// StaleFor, if not zero, is the policy "stale": the mirror goes on answering from
	// memory for so long. Zero is the policy "closed".
	StaleFor time.Duration
	Now      func() time.Time // time.Now
}

// Report is what a replica tells of itself for the operator's eyes.
type Report struct {
	Requests int64    `json:"requests"` // answered since it started
	Memory   int64    `json:"memory"`   // bytes
	KIDs     []string `json:"kids"`     // the signing keys that it knows
	Streams  int      `json:"streams"`  // tabs that listen
}

// Mirror is one replica's copy of the denylist.
type Mirror struct {
	o        Options
	scripts  *luascript.Runner
	instance string // this process; a replica that was started anew is another
	block    time.Duration
	table    *table
	watchers watchers

	heard      atomic.Pointer[knowledge] // nil before the first load
	position   atomic.Int64
	synced     atomic.Bool
	unreadable atomic.Int64

	started time.Time
	// What follows is for Run's goroutine only.
	epoch      string    // of the set that was loaded
	mark       string    // of the Write of the entry at position
	confirmed  int64     // position that was confirmed last
	seen       int64     // position of Redis's log at the last beat
	beaten     time.Time // when that was sent
	registered time.Time
	requests   int64     // as told then
	complained time.Time // when the log was last written to

	describing sync.Mutex
	describers []func(*Report)
}

// Stats say what a mirror holds.
type Stats struct {
	Entries    int64
	Bytes      int64
	Position   int64         // in the log
	Age        time.Duration // of what it knows; negative before the first load
	Unreadable int64         // entries that made no sense since it started
	Synced     bool          // it follows the log, as far as it knows
}

// NewMirror is a mirror that knows nothing yet. It does not talk to Redis.
func NewMirror(o Options) (*Mirror, error) {
	if o.Redis == nil || o.Service == "" || o.Replica == "" {
		return nil, errors.New("denylist: a mirror needs Redis, a service and the replica's name")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Bound <= 0 {
		o.Bound = DefaultBound
	}
	if o.StaleFor != 0 && o.StaleFor < o.Bound {
		return nil, fmt.Errorf("denylist: stale for %s is less than the bound of %s", o.StaleFor, o.Bound)
	}
	m := &Mirror{
		o: o, scripts: luascript.NewRunner(o.Redis), instance: o.Replica + "#" + rand.Text()[:8], block: blockFor(o.Bound), table: newTable(),
	}
	m.started = m.now()
	m.watchers.init()
	return m, nil
}

// blockFor is how long a read waits at Redis for an entry. Two of them fit into the
// bound, so that one that is late does not make the mirror refuse.
func blockFor(bound time.Duration) time.Duration { return max(bound*2/5, 10*time.Millisecond) }

// Bound is after how much silence of Redis the mirror refuses.
func (m *Mirror) Bound() time.Duration { return m.o.Bound }

func (m *Mirror) now() time.Time {
	if m.o.Now != nil {
		return m.o.Now()
	}
	return time.Now()
}

// Describe adds to what the replica tells of itself once a second.
func (m *Mirror) Describe(add func(*Report)) {
	m.describing.Lock()
	defer m.describing.Unlock()
	m.describers = append(m.describers, add)
}

// Check says whether what has this sub, sid and jti (any of which may be empty) may
// be let in: nil, ErrDenied or ErrStale. authenticated is when the person proved who
// they are (auth_time), or when a token was issued that does not say. It takes no
// lock and does no I/O.
func (m *Mirror) Check(sub, sid, jti string, authenticated time.Time) error {
	switch {
	case m.denies(sub, sid, jti, authenticated):
		return ErrDenied
	case !m.current():
		return ErrStale
	}
	return nil
}

func (m *Mirror) denies(sub, sid, jti string, authenticated time.Time) bool {
	if m.table.before(SignIn, sid) != 0 {
		return true
	}
	if before := m.table.before(Subject, sub); before != 0 && authenticated.Unix() < int64(before) && m.table.before(exempt, sid) < before {
		return true
	}
	return jti != "" && (m.table.before(Token, jti) != 0 || m.table.before(Token, family(jti)) != 0)
}

// current reports whether the mirror may say "allowed".
func (m *Mirror) current() bool {
	known := m.heard.Load()
	switch {
	case known == nil:
		return false
	case m.o.StaleFor > 0:
		return known.youngerThan(m.o.StaleFor, m.o.Now)
	}
	return known.youngerThan(m.o.Bound, m.o.Now)
}

// Ready says why the mirror would refuse, if it would.
func (m *Mirror) Ready(context.Context) error {
	if !m.current() {
		return ErrStale
	}
	return nil
}

// Stats say what the mirror holds now.
func (m *Mirror) Stats() Stats {
	s := Stats{
		Entries: m.table.entries.Load(), Bytes: m.table.bytes(), Position: m.position.Load(),
		Age: -1, Unreadable: m.unreadable.Load(), Synced: m.synced.Load(),
	}
	if known := m.heard.Load(); known != nil {
		s.Age = known.age(m.o.Now)
	}
	return s
}

// Why is the entry that denies this, if Redis can tell. For a person's eyes: that it
// finds none does not mean that it is allowed.
func (m *Mirror) Why(ctx context.Context, sub, sid, jti string, authenticated time.Time) (Entry, bool) {
	log := &Log{rdb: m.o.Redis}
	for _, key := range []struct {
		kind  Kind
		value string
	}{{SignIn, sid}, {Subject, sub}, {Token, jti}, {Token, family(jti)}} {
		if key.value == "" {
			continue
		}
		e, ok, err := log.Find(ctx, key.kind, key.value)
		if err == nil && ok && e.denies(sub, sid, jti, authenticated) {
			return e, true
		}
	}
	return Entry{}, false
}

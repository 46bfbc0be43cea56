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

	"gatehouse.example/sso/luascript"

	"github.com/redis/go-redis/v9"
)

// ErrDenied is returned for a session or token that was revoked.
var ErrDenied = errors.New("denylist: denied")

// ErrStale is returned when a mirror's data is too old to tell whether a session or token is revoked. Respond with 503
// and keep the cookies.
var ErrStale = errors.New("denylist: the denylist is not up to date")

// DefaultBound is the default of Options.Bound.
const DefaultBound = time.Second

// Options configure a mirror. Those from Logger on are optional.
type Options struct {
	Redis   redis.UniversalClient
	Service string // "shop"
	Replica string // "shop-2"
	Version string

	Logger *slog.Logger
	// Bound is the age of its data at which the mirror refuses; DefaultBound if zero.
	Bound time.Duration
	// StaleFor, if not zero, selects the policy "stale": the mirror uses its data until this age instead of Bound. Zero
	// is the policy "closed".
	StaleFor time.Duration
	Now      func() time.Time // time.Now if nil
}

// Report is what a replica reports about itself to administrators.
type Report struct {
	Requests int64    `json:"requests"` // answered since it started
	Memory   int64    `json:"memory"`   // bytes
	KIDs     []string `json:"kids"`     // the signing keys that it has loaded
	Streams  int      `json:"streams"`  // open event streams
}

// Mirror is one replica's copy of the denylist.
type Mirror struct {
	o        Options
	scripts  *luascript.Runner
	instance string // identifies this process; a restarted replica is another instance
	block    time.Duration
	table    *table
	watchers watchers

	asOf       atomic.Pointer[freshness] // nil before the first load
	position   atomic.Int64
	synced     atomic.Bool
	unreadable atomic.Int64

	started time.Time
	// The fields below belong to Run's goroutine.
	epoch         string    // of the loaded set
	writeID       string    // of the Write that added the entry at position
	confirmed     int64     // the last position confirmed
	redisPosition int64     // the log's position at the last heartbeat
	lastBeatAt    time.Time // when the last heartbeat was sent
	registered    time.Time
	requests      int64     // the count at the last registration
	loggedError   error     // of the last message of logError; nil if following works
	errorLoggedAt time.Time // when logError last logged

	describing sync.Mutex
	describers []func(*Report)
}

// Stats describe the contents of a mirror.
type Stats struct {
	Entries    int64
	Bytes      int64
	Position   int64         // in the log
	Age        time.Duration // of its data; negative before the first load
	Unreadable int64         // entries that could not be parsed since the start
	Synced     bool          // follows the log
}

// NewMirror returns an empty mirror, or an error if Redis, Service or Replica is missing or StaleFor is less than
// Bound. It does not connect; Run does.
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
		return nil, fmt.Errorf("denylist: StaleFor (%s) is less than Bound (%s)", o.StaleFor, o.Bound)
	}
	m := &Mirror{
		o: o, scripts: luascript.NewRunner(o.Redis), instance: o.Replica + "#" + rand.Text()[:8], block: blockFor(o.Bound), table: newTable(),
	}
	m.started = m.now()
	m.watchers.by = map[watched]map[*watcher]struct{}{}
	return m, nil
}

// blockFor returns how long a read blocks in Redis. Two reads fit into the bound, so that one that is late does not
// make the mirror refuse.
func blockFor(bound time.Duration) time.Duration { return max(bound*2/5, 10*time.Millisecond) }

// Bound returns the age of its data at which the mirror refuses.
func (m *Mirror) Bound() time.Duration { return m.o.Bound }

func (m *Mirror) now() time.Time {
	if m.o.Now != nil {
		return m.o.Now()
	}
	return time.Now()
}

// Describe registers a function that adds to the report which the replica sends once a second.
func (m *Mirror) Describe(add func(*Report)) {
	m.describing.Lock()
	defer m.describing.Unlock()
	m.describers = append(m.describers, add)
}

// Check returns nil if an identity with this sub, sid and jti (any of which may be empty) is allowed, else ErrDenied or
// ErrStale. authenticated is when the user signed in (auth_time), or when a token without auth_time was issued. It
// takes no lock and does no I/O.
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

// current reports whether the mirror's data is recent enough to allow a request.
func (m *Mirror) current() bool {
	known := m.asOf.Load()
	switch {
	case known == nil:
		return false
	case m.o.StaleFor > 0:
		return known.isFresh(m.o.StaleFor, m.o.Now)
	}
	return known.isFresh(m.o.Bound, m.o.Now)
}

// Ready returns ErrStale if the mirror's data is too old.
func (m *Mirror) Ready(context.Context) error {
	if !m.current() {
		return ErrStale
	}
	return nil
}

// Stats returns the mirror's current statistics.
func (m *Mirror) Stats() Stats {
	s := Stats{
		Entries: m.table.entries.Load(), Bytes: m.table.bytes(), Position: m.position.Load(),
		Age: -1, Unreadable: m.unreadable.Load(), Synced: m.synced.Load(),
	}
	if known := m.asOf.Load(); known != nil {
		s.Age = known.age(m.o.Now)
	}
	return s
}

// Why returns the entry in Redis that denies this identity, for display only: that it finds none does not mean that the
// identity is allowed.
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

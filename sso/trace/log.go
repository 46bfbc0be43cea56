package trace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits of what is kept.
const (
	// Life is how long a user can look at a sign-in.
	Life = time.Hour
	// underWay is how long an uncompleted flow is kept: as long as a sign-in may take.
	underWay = 15 * time.Minute
	maxHops  = 40      // per flow
	maxFlows = 12      // per user
	maxHop   = 8 << 10 // bytes
)

// Limits of recording: unauthenticated clients start sign-ins and choose the size of their requests. In bytes, the
// uncompleted flows in Redis stay below burst + pace × underWay, 15 MiB, for each process that records.
const (
	maxQueue     = 256
	overhead     = 256              // of an entry in Redis, besides its data
	burst        = 1 << 20          // bytes at once: several hundred hops
	pace         = 16 << 10         // bytes per second, sustained
	writeTimeout = time.Second      // timeout of a write
	logInterval  = 10 * time.Second // minimum interval between log messages about dropped hops
)

// Log is the Recorder that stores hops in Redis. It is safe for concurrent use.
type Log struct {
	rdb redis.UniversalClient
	log *slog.Logger

	mu         sync.Mutex
	queue      []entry
	writing    bool
	small      compressor // of the goroutine that writes
	budget     float64
	filled     time.Time
	complained time.Time
}

// entry is a hop to write, or, with a person, a flow to file, as JSON.
type entry struct {
	id     string
	person string // key of the user's list
	raw    []byte
}

func (e entry) cost() float64 { return float64(overhead + len(e.raw)) }

// filed is a flow in a user's list.
type filed struct {
	ID string `json:"id"`
	Flow
}

// NewLog returns a Log that stores hops in rdb, or an error if an argument is nil. It needs no shutdown.
func NewLog(rdb redis.UniversalClient, log *slog.Logger) (*Log, error) {
	if rdb == nil || log == nil {
		return nil, errors.New("trace: Redis and a logger are required")
	}
	return &Log{rdb: rdb, log: log, budget: burst, filled: time.Now()}, nil
}

func flowKey(id string) string { return "gatehouse:hops:flow:" + id }

func personKey(issuer, sub string) string { return "gatehouse:hops:person:" + hash(issuer+"\x00"+sub) }

// Record implements Recorder.
func (l *Log) Record(id string, h Step) {
	if id != "" {
		l.add(entry{id: id}, h)
	}
}

// File implements Recorder.
func (l *Log) File(id, client, issuer, sub string) {
	if id != "" && sub != "" {
		l.add(entry{id: id, person: personKey(issuer, sub)}, filed{id, Flow{Client: client, Ended: time.Now()}})
	}
}

// add queues e with what as its JSON. It drops the entry if it is too large, the queue is full, or the rate limit is
// exceeded.
func (l *Log) add(e entry, what any) {
	var err error
	if e.raw, err = json.Marshal(what); err != nil || len(e.raw) > maxHop {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.budget = min(burst, l.budget+pace*now.Sub(l.filled).Seconds())
	l.filled = now
	if l.budget < e.cost() || len(l.queue) >= maxQueue {
		return
	}
	l.budget -= e.cost()
	l.queue = append(l.queue, e)
	if !l.writing {
		l.writing = true
		go l.write()
	}
}

// write writes the queue's entries to Redis, in batches, until the queue is empty.
func (l *Log) write() {
	for {
		l.mu.Lock()
		batch := l.queue
		l.queue = nil
		if len(batch) == 0 {
			l.writing = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		for i, e := range batch {
			if e.person == "" {
				batch[i].raw = l.small.compress(e.raw)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, e := range batch {
				put(ctx, p, e)
			}
			return nil
		})
		cancel()
		if err != nil {
			l.complain(err, len(batch))
		}
	}
}

func put(ctx context.Context, p redis.Pipeliner, e entry) {
	key := flowKey(e.id)
	if e.person == "" {
		p.RPush(ctx, key, e.raw)
		p.LTrim(ctx, key, 0, maxHops-1)
		p.ExpireNX(ctx, key, underWay)
		return
	}
	p.Expire(ctx, key, Life)
	p.LPush(ctx, e.person, e.raw)
	p.LTrim(ctx, e.person, 0, maxFlows-1)
	p.Expire(ctx, e.person, Life)
}

func (l *Log) complain(err error, lost int) {
	l.mu.Lock()
	again := time.Since(l.complained) > logInterval
	if again {
		l.complained = time.Now()
	}
	l.mu.Unlock()
	if again {
		l.log.Warn("cannot record sign-in traces", "error", err, "dropped", lost)
	}
}

// ofOneBrowser removes the provider's hops with browsers other than the one that received the code: the authorization
// link may have been opened elsewhere. Apps record no hops of other browsers.
func ofOneBrowser(all []Step) []Step {
	tag := ""
	for _, h := range all {
		if h.Kind == Redeemed {
			tag = h.Tag
		}
	}
	return slices.DeleteFunc(all, func(h Step) bool { return h.To == Provider && h.From == Browser && (tag == "" || h.Tag != tag) })
}

// Of returns the sign-ins of sub at issuer within the last hour, newest first. Show them only to that user.
func Of(ctx context.Context, rdb redis.UniversalClient, issuer, sub string) ([]Flow, error) {
	listed, err := rdb.LRange(ctx, personKey(issuer, sub), 0, maxFlows-1).Result()
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	var flows []filed
	for _, raw := range listed {
		var f filed
		if json.Unmarshal([]byte(raw), &f) == nil && time.Since(f.Ended) < Life {
			flows = append(flows, f)
		}
	}
	lists := make([]*redis.StringSliceCmd, len(flows))
	if len(flows) > 0 {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, f := range flows {
				lists[i] = p.LRange(ctx, flowKey(f.ID), 0, maxHops-1)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("trace: %w", err)
		}
	}
	var out []Flow
	for i, f := range flows {
		for _, raw := range lists[i].Val() {
			var h Step
			if json.Unmarshal(decompress(raw), &h) == nil {
				f.Hops = append(f.Hops, h)
			}
		}
		f.Hops = ofOneBrowser(f.Hops)
		if len(f.Hops) > 0 {
			slices.SortStableFunc(f.Hops, func(a, b Step) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
			out = append(out, f.Flow)
		}
	}
	return out, nil
}

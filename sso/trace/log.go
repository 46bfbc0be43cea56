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
	// Retention is how long a user can look at a sign-in.
	Retention = time.Hour
	// pendingTimeout is how long an uncompleted flow is kept: as long as a sign-in may take.
	pendingTimeout = 15 * time.Minute
	maxSteps       = 40      // per flow
	maxFlows       = 12      // per user
	maxStep        = 8 << 10 // bytes
)

// Limits of recording: unauthenticated clients start sign-ins and choose the size of their requests. In bytes, the
// uncompleted flows in Redis stay below maxBudget + budgetPerSecond × pendingTimeout, 15 MiB, for each process that
// records.
const (
	maxQueue        = 256
	entryOverhead   = 256              // of an entry in Redis, besides its data
	maxBudget       = 1 << 20          // bytes at once: several hundred steps
	budgetPerSecond = 16 << 10         // bytes per second, sustained
	writeTimeout    = time.Second      // timeout of a write
	logInterval     = 10 * time.Second // minimum interval between log messages about dropped steps
)

// Log is the Recorder that stores steps in Redis. It is safe for concurrent use.
type Log struct {
	rdb redis.UniversalClient
	log *slog.Logger

	mu         sync.Mutex
	queue      []entry
	writing    bool
	compressor compressor // of the goroutine that writes
	budget     float64
	budgetAt   time.Time
	loggedAt   time.Time
}

// entry is a step to write, or, with a userKey, a flow to assign to that user, as JSON.
type entry struct {
	id      string
	userKey string // key of the user's list
	raw     []byte
}

func (e entry) cost() float64 { return float64(entryOverhead + len(e.raw)) }

// assignedFlow is a flow in a user's list.
type assignedFlow struct {
	ID string `json:"id"`
	Flow
}

// NewLog returns a Log that stores steps in rdb, or an error if an argument is nil. It needs no shutdown.
func NewLog(rdb redis.UniversalClient, log *slog.Logger) (*Log, error) {
	if rdb == nil || log == nil {
		return nil, errors.New("trace: Redis and a logger are needed")
	}
	return &Log{rdb: rdb, log: log, budget: maxBudget, budgetAt: time.Now()}, nil
}

func flowKey(id string) string { return "gatehouse:hops:flow:" + id }

func userKey(issuer, sub string) string { return "gatehouse:hops:person:" + hash(issuer+"\x00"+sub) }

// Record implements Recorder.
func (l *Log) Record(id string, h Step) {
	if id != "" {
		l.enqueue(entry{id: id}, h)
	}
}

// Assign implements Recorder.
func (l *Log) Assign(id, client, issuer, sub string) {
	if id != "" && sub != "" {
		l.enqueue(entry{id: id, userKey: userKey(issuer, sub)}, assignedFlow{id, Flow{Client: client, Ended: time.Now()}})
	}
}

// enqueue queues e with what as its JSON. It drops the entry if it is too large, the queue is full, or the rate limit
// is exceeded.
func (l *Log) enqueue(e entry, what any) {
	var err error
	if e.raw, err = json.Marshal(what); err != nil || len(e.raw) > maxStep {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.budget = min(maxBudget, l.budget+budgetPerSecond*now.Sub(l.budgetAt).Seconds())
	l.budgetAt = now
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
			if e.userKey == "" {
				batch[i].raw = l.compressor.compress(e.raw)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, e := range batch {
				queueCommands(ctx, p, e)
			}
			return nil
		})
		cancel()
		if err != nil {
			l.logDropped(err, len(batch))
		}
	}
}

func queueCommands(ctx context.Context, p redis.Pipeliner, e entry) {
	key := flowKey(e.id)
	if e.userKey == "" {
		p.RPush(ctx, key, e.raw)
		p.LTrim(ctx, key, 0, maxSteps-1)
		p.ExpireNX(ctx, key, pendingTimeout)
		return
	}
	p.Expire(ctx, key, Retention)
	p.LPush(ctx, e.userKey, e.raw)
	p.LTrim(ctx, e.userKey, 0, maxFlows-1)
	p.Expire(ctx, e.userKey, Retention)
}

func (l *Log) logDropped(err error, lost int) {
	l.mu.Lock()
	again := time.Since(l.loggedAt) > logInterval
	if again {
		l.loggedAt = time.Now()
	}
	l.mu.Unlock()
	if again {
		l.log.Warn("cannot record sign-in traces", "error", err, "dropped", lost)
	}
}

// keepOwnBrowser removes the provider's steps with browsers other than the one that received the code: the
// authorization link may have been opened elsewhere. Apps record no steps of other browsers.
func keepOwnBrowser(all []Step) []Step {
	tag := ""
	for _, h := range all {
		if h.Kind == Redeemed {
			tag = h.Tag
		}
	}
	return slices.DeleteFunc(all, func(h Step) bool { return h.To == Provider && h.From == Browser && (tag == "" || h.Tag != tag) })
}

// LoadFlows returns the sign-ins of sub at issuer within the last hour, newest first. Show them only to that user.
func LoadFlows(ctx context.Context, rdb redis.UniversalClient, issuer, sub string) ([]Flow, error) {
	listed, err := rdb.LRange(ctx, userKey(issuer, sub), 0, maxFlows-1).Result()
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	var flows []assignedFlow
	for _, raw := range listed {
		var f assignedFlow
		if json.Unmarshal([]byte(raw), &f) == nil && time.Since(f.Ended) < Retention {
			flows = append(flows, f)
		}
	}
	lists := make([]*redis.StringSliceCmd, len(flows))
	if len(flows) > 0 {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, f := range flows {
				lists[i] = p.LRange(ctx, flowKey(f.ID), 0, maxSteps-1)
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
				f.Steps = append(f.Steps, h)
			}
		}
		f.Steps = keepOwnBrowser(f.Steps)
		if len(f.Steps) > 0 {
			slices.SortStableFunc(f.Steps, func(a, b Step) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
			out = append(out, f.Flow)
		}
	}
	return out, nil
}

package hops

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

// How much is kept, and for how long.
const (
	// Life is how long a person can look at a sign-in.
	Life = time.Hour
	// underWay is how long a flow that nobody has completed is kept: as long as there is time to sign in.
	underWay = 15 * time.Minute
	maxHops  = 40      // of a flow
	maxFlows = 12      // of a person
	maxHop   = 8 << 10 // bytes
)

// What recording may take: who begins sign-ins is nobody we know yet, and writes as much
// into a request as they like. Counted in bytes, what waits in Redis for somebody to
// complete it stays below burst + pace × underWay, 15 MiB, for each process that records.
const (
	maxQueue = 256
	overhead = 256              // of an entry in Redis, beside what it says
	burst    = 1 << 20          // bytes at once: several hundred hops
	pace     = 16 << 10         // bytes a second, lasting
	patience = time.Second      // of a write
	grudge   = 10 * time.Second // between two lines of the log about what was dropped
)

// Log is the Recorder that keeps hops in Redis. It is safe for concurrent use.
type Log struct {
	rdb redis.UniversalClient
	log *slog.Logger

	mu         sync.Mutex
	queue      []entry
	writing    bool
	budget     float64
	filled     time.Time
	complained time.Time
}

// entry is a hop to write, or, with a person, a flow to file, as JSON.
type entry struct {
	id     string
	person string // key of the person
	raw    []byte
}

func (e entry) cost() float64 { return float64(overhead + len(e.raw)) }

// filed is what a person's list says of a flow.
type filed struct {
	ID string `json:"id"`
	Flow
}

// NewLog keeps hops in rdb. It starts nothing that would have to be stopped.
func NewLog(rdb redis.UniversalClient, log *slog.Logger) (*Log, error) {
	if rdb == nil || log == nil {
		return nil, errors.New("hops: Redis and a logger are needed")
	}
	return &Log{rdb: rdb, log: log, budget: burst, filled: time.Now()}, nil
}

func flowKey(id string) string { return "gatehouse:hops:flow:" + id }

func personKey(issuer, sub string) string { return "gatehouse:hops:person:" + hash(issuer+"\x00"+sub) }

// Record implements Recorder.
func (l *Log) Record(id string, h Hop) {
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

// add puts an entry that says what into the queue, if there is room and nobody asks too much.
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

// write empties the queue and ends.
func (l *Log) write() {
	var small compressor
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
				batch[i].raw = small.compress(e.raw)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
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
	again := time.Since(l.complained) > grudge
	if again {
		l.complained = time.Now()
	}
	l.mu.Unlock()
	if again {
		l.log.Warn("what happened in sign-ins is not recorded just now", "error", err, "dropped", lost)
	}
}

// ofOneBrowser removes the provider's hops with browsers other than the one that received the code: the authorization link
// may have been opened elsewhere. Apps record no hops of other browsers.
func ofOneBrowser(all []Hop) []Hop {
	tag := ""
	for _, h := range all {
		if h.Kind == Redeemed {
			tag = h.Tag
		}
	}
	return slices.DeleteFunc(all, func(h Hop) bool { return h.To == Provider && h.From == Browser && (tag == "" || h.Tag != tag) })
}

// Of are the sign-ins of the last hour of sub at issuer, newest first. Only that person may see them.
func Of(ctx context.Context, rdb redis.UniversalClient, issuer, sub string) ([]Flow, error) {
	listed, err := rdb.LRange(ctx, personKey(issuer, sub), 0, maxFlows-1).Result()
	if err != nil {
		return nil, fmt.Errorf("hops: %w", err)
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
			return nil, fmt.Errorf("hops: %w", err)
		}
	}
	var out []Flow
	for i, f := range flows {
		for _, raw := range lists[i].Val() {
			var h Hop
			if json.Unmarshal(decompress(raw), &h) == nil {
				f.Hops = append(f.Hops, h)
			}
		}
		f.Hops = ofOneBrowser(f.Hops)
		if len(f.Hops) > 0 {
			slices.SortStableFunc(f.Hops, func(a, b Hop) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
			out = append(out, f.Flow)
		}
	}
	return out, nil
}

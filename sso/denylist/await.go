package denylist

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse.example/sso/luascript"

	"github.com/redis/go-redis/v9"
)

// Confirmation is a replica's response to a Write.
type Confirmation struct {
	Replica   string        `json:"replica"`
	Service   string        `json:"service"`
	Confirmed bool          `json:"confirmed"`
	Took      time.Duration `json:"took"`     // from write to confirmation, in whole milliseconds of Redis's time
	Refusing  bool          `json:"refusing"` // its data was so old that it refuses everything
	// WrongUntil is when a replica that has not confirmed refuses at the latest; zero for others.
	WrongUntil time.Time `json:"wrong_until,omitzero"`
}

// Confirmations lists the replicas that have and have not confirmed a Write.
type Confirmations struct {
	Position int64          `json:"position"`
	At       time.Time      `json:"at"`   // of the write, Redis's time
	Took     time.Duration  `json:"took"` // until all had confirmed, or the wait ended
	All      []Confirmation `json:"confirmations"`
}

// Confirmed returns the number of replicas that have confirmed.
func (r Confirmations) Confirmed() (n int) {
	for _, c := range r.All {
		if c.Confirmed {
			n++
		}
	}
	return n
}

// Slowest returns the longest time that a confirmation took.
func (r Confirmations) Slowest() (slowest time.Duration) {
	for _, c := range r.All {
		if c.Confirmed {
			slowest = max(slowest, c.Took)
		}
	}
	return slowest
}

// Missing returns the replicas that have not confirmed.
func (r Confirmations) Missing() (missing []Confirmation) {
	for _, c := range r.All {
		if !c.Confirmed {
			missing = append(missing, c)
		}
	}
	return missing
}

const (
	// keptAcks is the approximate number of confirmations that Redis keeps: ten of each of 500 replicas.
	keptAcks = 5_000
	// Await polls, because waking up for each confirmation would slow down the replicas that confirm. It waits for a
	// twentieth of the time that has passed, within these limits.
	minPollInterval = time.Millisecond
	maxPollInterval = 10 * time.Millisecond
)

// acknowledge adds a confirmation to the stream.
var acknowledge = luascript.New(`
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', '` + ackReplica + `', ARGV[2], '` + ackPosition + `', ARGV[3], '` + ackEpoch + `', ARGV[4])
`)

// confirm records in Redis that this replica has applied all entries up to its position, unless it has already. The
// epoch says of which set.
func (m *Mirror) confirm(ctx context.Context) error {
	position := m.position.Load()
	if position == m.confirmed {
		return nil
	}
	within, cancel := m.deadline(ctx, 0)
	defer cancel()
	if err := m.scripts.Run(within, acknowledge, []string{acksKey}, keptAcks, m.instance, position, m.epoch).Err(); err != nil {
		return translateError(err)
	}
	m.confirmed = position
	return nil
}

// Await waits until all expected replicas have confirmed w, at most for bound, and calls each, which may be nil, for
// every confirmation. After bound, a replica of the policy "closed" that has not confirmed refuses. Replicas that were
// silent at the time of the write are not waited for.
func (l *Log) Await(ctx context.Context, w Written, bound time.Duration, each func(Confirmation)) Confirmations {
	began := time.Now()
	r := Confirmations{Position: w.Position, At: w.At, All: make([]Confirmation, len(w.Expected))}
	waiting := map[string]int{}
	for i, e := range w.Expected {
		r.All[i] = w.unconfirmed(e)
		waiting[e.instance] = i
	}
	open := func() (n int) {
		for _, i := range waiting {
			if !r.All[i].Refusing {
				n++
			}
		}
		return n
	}
	// The ids of confirmations are Redis's milliseconds: start with those of the write.
	from := fmt.Sprintf("%d-%d", w.At.UnixMilli()-1, uint64(1)<<62)
	for last := false; open() > 0 && !last && ctx.Err() == nil; {
		passed := time.Since(began)
		last = passed >= bound // read once more
		sleep(ctx, min(max(passed/20, minPollInterval), maxPollInterval))
		streams, err := l.rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{acksKey, from}, Count: keptAcks, Block: -1}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			continue
		}
		for _, s := range streams {
			for _, m := range s.Messages {
				from = m.ID
				i, ok := w.confirmedBy(m, waiting)
				if !ok {
					continue
				}
				delete(waiting, w.Expected[i].instance)
				c := &r.All[i]
				c.Confirmed, c.Refusing, c.WrongUntil, c.Took = true, false, time.Time{}, w.until(m.ID)
				if each != nil {
					each(*c)
				}
			}
		}
	}
	r.Took = time.Since(began)
	return r
}

// confirmedBy returns the index of the waiting replica whose message confirms w: its position has reached that of w, in
// the same log.
func (w Written) confirmedBy(m redis.XMessage, waiting map[string]int) (int, bool) {
	replica, _ := m.Values[ackReplica].(string)
	position, _ := m.Values[ackPosition].(string)
	epoch, _ := m.Values[ackEpoch].(string)
	i, ok := waiting[replica]
	reached, err := strconv.ParseInt(position, 10, 64)
	return i, ok && err == nil && reached >= w.Position && epoch == w.epoch
}

func (w Written) unconfirmed(e Replica) Confirmation {
	c := Confirmation{Replica: e.Name, Service: e.Service, Refusing: e.Silent && e.StaleFor == 0}
	if !c.Refusing {
		limit := e.Bound
		if e.StaleFor > 0 {
			limit = e.StaleFor
		}
		if limit == 0 {
			limit = DefaultBound
		}
		c.WrongUntil = w.At.Add(limit)
	}
	return c
}

// until returns the time from the write to the message with this id.
func (w Written) until(id string) time.Duration {
	ms, _, _ := strings.Cut(id, "-")
	at, _ := strconv.ParseInt(ms, 10, 64)
	return max(time.Duration(at-w.At.UnixMilli())*time.Millisecond, 0)
}

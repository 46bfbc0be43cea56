package events

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	maxReadBatch = 200
	readTimeout  = time.Second
	// claimTimeout is how long an entry may stay unconfirmed with a consumer before another one claims it.
	claimTimeout = 10 * time.Second
	// trimInterval is the interval at which a consumer removes entries that every group has confirmed.
	trimInterval = 10 * time.Second
)

// Malformed is a stream entry that is not an event.
type Malformed struct {
	EntryID string
	Fields  map[string]any
	Err     error
}

// Handler processes a batch of events. The batch is confirmed if it returns nil, and delivered again otherwise: it must
// ignore an event whose ID was handled before.
type Handler func(ctx context.Context, batch []Event, malformed []Malformed) error

// Consumer reads the stream as one member of a consumer group.
type Consumer struct {
	rdb          redis.UniversalClient
	group, name  string
	log          *slog.Logger
	claimTimeout time.Duration
}

// NewConsumer returns the member of group with this name, or an error if an argument is missing. Running replicas must
// have different names.
func NewConsumer(rdb redis.UniversalClient, group, name string, log *slog.Logger) (*Consumer, error) {
	if rdb == nil || log == nil || group == "" || name == "" {
		return nil, errors.New("events: a consumer requires Redis, a logger, a group and a name")
	}
	return &Consumer{rdb: rdb, group: group, name: name, log: log, claimTimeout: claimTimeout}, nil
}

// SetClaimTimeout sets how long another member may keep an entry unconfirmed before this one claims it (default 10 s).
func (c *Consumer) SetClaimTimeout(d time.Duration) { c.claimTimeout = d }

// Run passes events to handle until ctx ends, and returns nil then. It retries after errors.
func (c *Consumer) Run(ctx context.Context, handle Handler) error {
	var pause time.Duration
	for ctx.Err() == nil {
		if err := c.consumeUntilError(ctx, handle); err != nil && ctx.Err() == nil {
			pause = min(max(2*pause, 100*time.Millisecond), 5*time.Second)
			c.log.Warn("cannot read events", "error", err, "again_in_ms", pause.Milliseconds())
			sleep(ctx, pause)
			continue
		}
		pause = 0
	}
	return nil
}

func (c *Consumer) consumeUntilError(ctx context.Context, handle Handler) error {
	err := c.rdb.XGroupCreateMkStream(ctx, Stream, c.group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") { // Redis has no other code for it
		return err
	}
	// First the entries that this member had read and not confirmed before it was restarted.
	if err := c.deliverOwnPending(ctx, handle); err != nil {
		return err
	}
	nextClaim, nextTrim := time.Now(), time.Now()
	for ctx.Err() == nil {
		if time.Now().After(nextTrim) {
			nextTrim = time.Now().Add(trimInterval)
			if err := Trim(ctx, c.rdb); err != nil && ctx.Err() == nil { // events are read nevertheless
				c.log.Warn("cannot trim the event stream", "error", err)
			}
		}
		if time.Now().After(nextClaim) {
			if err := c.claimPending(ctx, handle); err != nil {
				return err
			}
			nextClaim = time.Now().Add(c.claimTimeout / 2)
		}
		entries, err := c.read(ctx, ">", readTimeout)
		if err != nil {
			return err
		}
		if err := c.deliver(ctx, entries, handle); err != nil {
			return err
		}
	}
	return nil
}

// Trim removes the entries that every consumer group has confirmed. Redis removes whole blocks of about a hundred. It
// removes nothing from a stream without groups, whose consumers have not started yet.
func Trim(ctx context.Context, rdb redis.UniversalClient) error {
	groups, err := rdb.XInfoGroups(ctx, Stream).Result()
	if err != nil || len(groups) == 0 {
		return err
	}
	oldest := ""
	for _, g := range groups {
		first := g.LastDeliveredID // later entries have not been read
		if g.Pending > 0 {
			pending, err := rdb.XPending(ctx, Stream, g.Name).Result()
			if err != nil {
				return err
			}
			if pending.Count > 0 {
				first = pending.Lower
			}
		}
		if oldest == "" || isBefore(first, oldest) {
			oldest = first
		}
	}
	return rdb.XTrimMinIDApprox(ctx, Stream, oldest, 0).Err()
}

// isBefore reports whether stream id a is less than b. Both are "milliseconds-number".
func isBefore(a, b string) bool {
	part := func(id string) (ms, n uint64) {
		left, right, _ := strings.Cut(id, "-")
		ms, _ = strconv.ParseUint(left, 10, 64)
		n, _ = strconv.ParseUint(right, 10, 64)
		return ms, n
	}
	ams, an := part(a)
	bms, bn := part(b)
	return ams < bms || ams == bms && an < bn
}

func (c *Consumer) deliverOwnPending(ctx context.Context, handle Handler) error {
	for {
		entries, err := c.read(ctx, "0", -1)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := c.deliver(ctx, entries, handle); err != nil {
			return err
		}
	}
}

func (c *Consumer) read(ctx context.Context, from string, block time.Duration) ([]redis.XMessage, error) {
	streams, err := c.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: c.group, Consumer: c.name, Streams: []string{Stream, from}, Count: maxReadBatch, Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil || len(streams) == 0 {
		return nil, err
	}
	return streams[0].Messages, nil
}

// claimPending processes entries that other members have read and not confirmed.
func (c *Consumer) claimPending(ctx context.Context, handle Handler) error {
	start := "0-0"
	for {
		entries, next, err := c.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: Stream, Group: c.group, Consumer: c.name, MinIdle: c.claimTimeout, Start: start, Count: maxReadBatch,
		}).Result()
		if err != nil {
			return err
		}
		if err := c.deliver(ctx, entries, handle); err != nil {
			return err
		}
		if next == "0-0" || next == "" {
			return nil
		}
		start = next
	}
}

func (c *Consumer) deliver(ctx context.Context, entries []redis.XMessage, handle Handler) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]string, len(entries))
	batch := make([]Event, 0, len(entries))
	var malformed []Malformed
	for i, m := range entries {
		ids[i] = m.ID
		e, err := parse(m.Values)
		if err != nil {
			malformed = append(malformed, Malformed{EntryID: m.ID, Fields: m.Values, Err: err})
			continue
		}
		batch = append(batch, e)
	}
	if err := handle(ctx, batch, malformed); err != nil {
		return err
	}
	return c.rdb.XAck(ctx, Stream, c.group, ids...).Err()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

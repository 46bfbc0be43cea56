package denylist

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"gatehouse.example/sso/luascript"

	"github.com/redis/go-redis/v9"
)

const (
	// registerInterval is the interval between a replica's registrations.
	registerInterval = time.Second
	// forgottenAfter is how long a replica that sends no heartbeat stays in the list. It certainly refuses by then.
	forgottenAfter = time.Minute
)

// info is a replica's description of itself; times are by its own clock.
type info struct {
	Name     string        `json:"name"`
	Service  string        `json:"service"`
	Version  string        `json:"version"`
	Started  time.Time     `json:"started"`
	Heard    time.Time     `json:"heard"`
	Position int64         `json:"position"`
	Age      time.Duration `json:"age"`
	Synced   bool          `json:"synced"`
	Entries  int64         `json:"entries"`
	Bytes    int64         `json:"bytes"`
	Unread   int64         `json:"unreadable"`
	Bound    time.Duration `json:"bound"`
	StaleFor time.Duration `json:"stale_for"`
	Rate     float64       `json:"requests_per_second"`
	Report   Report        `json:"report"`
}

// logState is the state of Redis's log.
type logState struct {
	sent     time.Time // when the request for it was sent
	epoch    string    // "" if there is none
	position int64
	last     int64  // position of the last entry that the log has; 0 for none
	writeID  string // of that entry's Write
}

// divergedFrom reports whether p does not continue q: Redis has lost its last entries in between.
func (p logState) divergedFrom(q logState) bool {
	return p.epoch != q.epoch || p.position < q.position || p.last == q.last && p.writeID != q.writeID
}

// heartbeatScript records that a replica is running and, if ARGV[4] is given, its description, and returns the state of
// the log: the epoch, the position, and the message id and the write id of the last entry.
var heartbeatScript = luascript.New(`
local beat, names, info, epoch, position, log = unpack(KEYS)
redis.call('SET', beat, ARGV[2], 'PX', ARGV[3])
if ARGV[4] ~= '' then
	redis.call('SADD', names, ARGV[1])
	redis.call('SET', info, ARGV[4], 'PX', ARGV[5])
end
local id, writeID = '', ''
local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
if last then
	id = last[1]
	for i = 1, #last[2], 2 do
		if last[2][i] == '` + fieldWriteID + `' then writeID = last[2][i+1] end
	end
end
return {redis.call('GET', epoch) or '', redis.call('GET', position) or '', id, writeID}
`)

// heartbeat sends a heartbeat in one round trip, registers the replica if that is due, and returns the state of the
// log.
func (m *Mirror) heartbeat(ctx context.Context) (logState, error) {
	at := logState{sent: m.now()}
	within, cancel := m.deadline(ctx, 0)
	defer cancel()
	var description []byte
	if at.sent.Sub(m.registered) >= registerInterval || !m.synced.Load() {
		description = m.describe(at.sent)
		m.registered = at.sent
	}
	answer, err := m.scripts.Run(within, heartbeatScript, []string{beatPrefix + m.instance, namesKey, infoPrefix + m.instance, epochKey, positionKey, logKey},
		m.instance, m.position.Load(), m.silence().Milliseconds(), description, (forgottenAfter + m.o.StaleFor).Milliseconds()).StringSlice()
	switch {
	case err != nil:
		m.registered = time.Time{}
		return logState{}, translateError(err)
	case len(answer) != 4:
		return logState{}, ErrForeign
	}
	at.epoch = answer[0]
	if at.position, err = strconv.ParseInt(answer[1], 10, 64); err != nil && answer[1] != "" {
		return logState{}, ErrForeign
	}
	if id := answer[2]; id != "" { // the position may be older than the last entry
		number, _, _ := strings.Cut(id, "-")
		at.last, _ = strconv.ParseInt(number, 10, 64)
		at.position = max(at.position, at.last)
		at.writeID = answer[3]
	}
	m.lastBeatAt = at.sent
	return at, nil
}

// silence returns how long after its last heartbeat this replica certainly refuses: its reads may continue for up to
// two block times longer.
func (m *Mirror) silence() time.Duration { return m.o.Bound + 2*m.block }

func (m *Mirror) describe(now time.Time) []byte {
	var report Report
	m.describing.Lock()
	for _, add := range m.describers {
		add(&report)
	}
	m.describing.Unlock()
	rate := 0.0
	if passed := now.Sub(m.registered).Seconds(); !m.registered.IsZero() && passed > 0 {
		rate = float64(report.Requests-m.requests) / passed
	}
	m.requests = report.Requests
	s := m.Stats()
	raw, _ := json.Marshal(info{ // a struct of plain values always marshals
		Name: m.o.Replica, Service: m.o.Service, Version: m.o.Version, Started: m.started, Heard: now, Position: s.Position,
		Age: s.Age, Synced: s.Synced, Entries: s.Entries, Bytes: s.Bytes, Unread: s.Unreadable, Bound: m.o.Bound, StaleFor: m.o.StaleFor,
		Rate: rate, Report: report,
	})
	return raw
}

// leave unregisters the replica, so that writers do not wait for it.
func (m *Mirror) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	_, _ = m.o.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.SRem(ctx, namesKey, m.instance)
		p.Del(ctx, infoPrefix+m.instance, beatPrefix+m.instance)
		return nil
	})
}

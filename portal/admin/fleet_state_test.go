package admin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/admin"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

func TestServers_SayWhatTheirStateMeans(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	well := denylist.Replica{
		Name: "shop-1", Service: "shop", Started: now.Add(-time.Hour), Heard: now.Add(-10 * time.Second), Position: 7, Synced: true,
		Age: 400 * time.Millisecond, Bound: time.Second,
	}
	with := func(change func(r *denylist.Replica)) denylist.Replica {
		r := well
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		r    denylist.Replica
		want admin.Server
	}{
		"well":              {well, admin.Server{State: "healthy"}},
		"ahead of the log":  {with(func(r *denylist.Replica) { r.Position = 8 }), admin.Server{State: "healthy"}},
		"behind":            {with(func(r *denylist.Replica) { r.Position = 5 }), admin.Server{State: "behind", Says: "2 entries to apply"}},
		"catching up":       {with(func(r *denylist.Replica) { r.Synced = false }), admin.Server{State: "behind", Says: "Catching up"}},
		"nothing known yet": {with(func(r *denylist.Replica) { r.Age = -1 }), admin.Server{State: "loading", Says: "Refuses requests until it has loaded the denylist"}},
		"silent, closed": {
			with(func(r *denylist.Replica) { r.Silent = true }), admin.Server{State: "not responding", Since: now.Add(-9400 * time.Millisecond)},
		},
		"silent, stale": {
			with(func(r *denylist.Replica) { r.Silent, r.StaleFor = true, time.Minute }),
			admin.Server{State: "not responding", Until: now.Add(49600 * time.Millisecond)},
		},
		"silent, stale no longer": {
			with(func(r *denylist.Replica) { r.Silent, r.StaleFor = true, 5*time.Second }),
			admin.Server{State: "not responding", Since: now.Add(-5400 * time.Millisecond)},
		},
	} {
		if got := admin.ServerOf(test.r, 7, now); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// redis tells what a test wants it to.
type redis struct {
	replicas []denylist.Replica
	state    denylist.State
	err      error
}

func (r redis) Replicas(context.Context) ([]denylist.Replica, error) { return r.replicas, r.err }
func (r redis) State(context.Context) (denylist.State, error)        { return r.state, r.err }

func TestOverview_WarnsOfWhatNeedsCare(t *testing.T) {
	fine := denylist.State{Epoch: "e", Position: 3}
	well := denylist.Replica{Position: 3, Synced: true}
	for name, test := range map[string]struct {
		redis   redis
		tallies store.Counts
		want    []string
		away    string
	}{
		"all well": {redis: redis{[]denylist.Replica{well}, fine, nil}, tallies: store.Counts{People: 9, Denied: 3, Notices: 2}},
		"a silent server": {
			redis: redis{[]denylist.Replica{well, {Silent: true}}, fine, nil}, want: []string{"1 server is not responding"},
		},
		"an empty Redis": {redis: redis{state: denylist.State{}}, want: []string{"The denylist in Redis is incomplete"}},
		"everything else": {
			redis: redis{[]denylist.Replica{{Position: 3, Synced: true, Unreadable: 2}}, fine, nil}, tallies: store.Counts{Waiting: 4, GivenUp: 100_000},
			want: []string{"4 denylist entries are waiting for Redis", "Some denylist entries can't be read", "100,000+ sign-out notices failed"},
		},
		"Redis away":          {redis: redis{err: errors.New("no route")}, away: "Redis isn't responding."},
		"somebody else's key": {redis: redis{err: denylist.ErrForeign}, away: "Redis has other data"},
	} {
		got, away := admin.Alerts(t.Context(), test.redis, test.tallies)
		if !slices.Equal(got, test.want) || !strings.HasPrefix(away, test.away) || (away == "") != (test.away == "") {
			t.Errorf("%s: %q, away %q; want %q, %q", name, got, away, test.want, test.away)
		}
	}
}

// A replica reports once a second what it has applied: for a moment after each ban, the others seem to be behind.
func TestServers_AreNotBehindForWhatTheyCannotHaveReported(t *testing.T) {
	var at []time.Time
	for _, ms := range []int{0, 1000, 2000, 3000, 4000, 5000} {
		at = append(at, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(time.Duration(ms)*time.Millisecond))
	}
	for name, test := range map[string]struct {
		positions []int64
		want      []bool
	}{
		"nothing new":       {[]int64{3, 3, 3, 3, 3, 3}, []bool{false, false, false, false, false, false}},
		"one ban":           {[]int64{3, 4, 4, 4, 4, 4}, []bool{false, false, false, false, true, true}},
		"a ban a second":    {[]int64{3, 4, 5, 6, 7, 8}, []bool{false, false, false, false, true, true}},
		"Redis begins anew": {[]int64{3, 4, 1, 1, 1, 1}, []bool{false, false, false, false, false, false}},
	} {
		if got := admin.Behind(at, test.positions); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestHealth_SaysWhatToDo(t *testing.T) {
	fine := denylist.State{Epoch: "e", Position: 3}
	well := denylist.Replica{Name: "shop-1", Position: 3, Synced: true, Version: "v2"}
	for name, test := range map[string]struct {
		redis   redis
		tallies store.Counts
		want    []string
	}{
		"all well":        {redis: redis{[]denylist.Replica{well}, fine, nil}},
		"a silent server": {redis: redis{[]denylist.Replica{well, {Name: "shop-2", Silent: true}}, fine, nil}, want: []string{"Servers: Check"}},
		"a new server":    {redis: redis{[]denylist.Replica{well, {Name: "shop-2", Age: -1}}, fine, nil}, want: []string{"Servers: Wait"}},
		"an empty Redis":  {redis: redis{state: denylist.State{}}, want: []string{"Denylist: Wait", "Servers: Wait"}},
		"two versions":    {redis: redis{[]denylist.Replica{well, {Name: "shop-2", Position: 3, Synced: true, Version: "v1"}}, fine, nil}, want: []string{"Versions: Finish"}},
		"everything else": {
			redis: redis{[]denylist.Replica{{Position: 3, Synced: true, Unreadable: 2}}, fine, nil}, tallies: store.Counts{Waiting: 4, GivenUp: 3},
			want: []string{"Denylist: Look", "Deliveries: Check"},
		},
		"Redis away": {redis: redis{err: errors.New("no route")}, want: []string{"Redis: Check"}},
	} {
		got := admin.Advice(t.Context(), test.redis, test.tallies)
		fits := len(got) == len(test.want)
		for i := range test.want {
			fits = fits && strings.HasPrefix(got[i], test.want[i])
		}
		if !fits {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		admin.Memory(0): "0 B", admin.Memory(1023): "1023 B", admin.Memory(43_830_477): "41.8 MiB", admin.Memory(5 << 40): "5.0 TiB", admin.Memory(-1): "-1 B",
		admin.Span(-time.Second): "0 s", admin.Span(59 * time.Second): "59 s", admin.Span(61 * time.Minute): "1 h 1 min", admin.Span(52 * time.Hour): "2 d 4 h",
		admin.Millis(1234 * time.Millisecond): "1.2 s", admin.Millis(11 * time.Second): "11 s",
		admin.Rate(0): "0", admin.Rate(0.44): "0.4", admin.Rate(12.4): "12", admin.Rate(1204): "1,204",
		admin.About(99_999): "99,999", admin.About(100_000): "100,000+",
		admin.Why("banned"): "Banned", admin.Why("<b>"): "<b>",
		admin.Policy(denylist.Replica{Bound: time.Second}):                            "503 in 1 s",
		admin.Policy(denylist.Replica{Bound: 500 * time.Millisecond}):                 "503 in 500 ms",
		admin.Policy(denylist.Replica{Bound: time.Second, StaleFor: 5 * time.Minute}): "stale for 5 min",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

package backchannel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// The deadline is an hour, so that whoever waits for the client that hangs, waits longer than the test.
func TestRun_AHangingClientDelaysNobody(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("a-hangs", e.hang)
		for _, id := range []string{"b", "c", "d"} {
			e.client(id, nil)
		}
		e.owe("a-hangs", sids("h", 300)...) // due first, and more than anybody claims at once
		s := e.sender()
		s.SetDeliveryTimeout(time.Hour)
		stop := e.run(s)
		e.until("the client hangs", func() bool { now, _ := e.underWay("a-hangs"); return now == 1 })
		for round := range 3 {
			for _, id := range []string{"b", "c", "d"} {
				e.owe(id, sids(fmt.Sprintf("%s-%d", id, round), 20)...)
			}
			e.until("the others have heard", func() bool { return e.count(`client_id <> 'a-hangs' AND delivered_at IS NULL`) == 0 })
		}
		got := s.Deliver(t.Context(), e.fresh("b", "at once"))
		if len(got) != 1 || !got[0].Delivered {
			t.Errorf("%+v", got)
		}
		if now, most := e.underWay("a-hangs"); now != 1 || most != 1 {
			t.Errorf("%d under way, at most %d: one is enough to find out", now, most)
		}
		// What nobody can take at once is left to other replicas.
		if n := e.count(`client_id = 'a-hangs' AND tried_at IS NULL AND attempts = 0 AND next_attempt_at <= ?`, e.clock().UnixMilli()); n != 299 {
			t.Errorf("%d are left, want 299", n)
		}
		e.behave("a-hangs", nil)
		e.release()
		e.until("it has heard all", func() bool { return e.count(`delivered_at IS NULL`) == 0 })
		stop()
		if n := len(e.tokens("a-hangs")); n != 300 {
			t.Errorf("it was told %d times of 300", n)
		}
	})
}

// A client that is owed much is told of a few at a time, and of no more.
func TestRun_FillsTheSlotsOfAClient(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		const before = backchannel.MaxPerClient - 1 // one, two and four
		var n atomic.Int64
		e.client("shop", func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) > before {
				e.hang(w, r)
			}
		})
		e.owe("shop", sids("s", 100)...)
		s := e.sender()
		s.SetDeliveryTimeout(time.Hour)
		stop := e.run(s)
		e.until("its slots are taken", func() bool { now, _ := e.underWay("shop"); return now == backchannel.MaxPerClient })
		e.release()
		e.until("it has heard all", func() bool { return e.count(`delivered_at IS NULL`) == 0 })
		stop()
		if _, most := e.underWay("shop"); most != backchannel.MaxPerClient || n.Load() != 100 {
			t.Errorf("it was told of %d at once, %d in all; want %d and 100", most, n.Load(), backchannel.MaxPerClient)
		}
	})
}

// More clients hang than may be told at once: they share what is there for such as they.
func TestRun_ACrowdOfHangingClientsDelaysNobody(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		const crowd = backchannel.MaxFailing + 20
		s := e.sender()
		var first []store.Notice
		for i := range crowd {
			id := fmt.Sprintf("bad-%03d", i)
			e.client(id, status(http.StatusInternalServerError))
			first = append(first, e.owe(id, id)...)
		}
		e.flush(s)
		if n := e.count(`last_error <> ''`); n != crowd {
			t.Fatalf("%d failed", n)
		}
		var under atomic.Int64
		for _, n := range first {
			e.behave(n.ClientID, func(w http.ResponseWriter, r *http.Request) { under.Add(1); e.hang(w, r) })
		}
		e.client("good", nil)
		e.advance(time.Minute)
		s.SetDeliveryTimeout(time.Hour)
		e.run(s)
		e.until("as many hang as may", func() bool { return under.Load() == backchannel.MaxFailing })
		for round := range 3 {
			e.owe("good", sids(fmt.Sprint(round), 20)...)
			e.until("the good one has heard", func() bool { return e.count(`client_id = 'good' AND delivered_at IS NULL`) == 0 })
		}
		if n := under.Load(); n != backchannel.MaxFailing {
			t.Errorf("%d hang", n)
		}
		if n := e.count(`client_id <> 'good' AND attempts = 1`); n != crowd-backchannel.MaxFailing {
			t.Errorf("%d were claimed by nobody, want %d", n, crowd-backchannel.MaxFailing)
		}
	})
}

func TestFlush_RetriesUntilDelivered(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", status(http.StatusInternalServerError))
		e.owe("shop", "a")
		s := e.sender()
		for attempt := 1; attempt <= 4; attempt++ {
			e.flush(s)
			e.flush(s) // nothing is due
			n := e.unheard("shop", false)
			wait := n.NextAt.Sub(e.clock())
			if mean := time.Second << attempt; n.Attempts != attempt || wait < mean/2 || wait >= mean*3/2 ||
				!n.TriedAt.Equal(e.clock()) || n.Failure != "The app answered 500 Internal Server Error." || len(e.tokens("shop")) != attempt {
				t.Fatalf("attempt %d: %+v, next in %v, sent %q", attempt, n, wait, e.tokens("shop"))
			}
			e.advance(wait)
		}
		e.behave("shop", nil)
		e.flush(s)
		if e.count(`delivered_at = ? AND attempts = 5 AND last_error = ''`, e.clock().UnixMilli()) != 1 {
			t.Error("it was not heard")
		}
		e.advance(backchannel.MaxNoticeAge)
		e.flush(s)
		if n := len(e.tokens("shop")); n != 5 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestPause_GrowsWithAJitter(t *testing.T) {
	for failures, mean := range map[int]time.Duration{
		-1: 2 * time.Second, 0: 2 * time.Second, 1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 9: 512 * time.Second,
		10: backchannel.MaxRetryDelay, 11: backchannel.MaxRetryDelay, 100: backchannel.MaxRetryDelay, 1 << 40: backchannel.MaxRetryDelay,
	} {
		drawn := map[time.Duration]bool{}
		for range 1000 {
			p := backchannel.RetryDelay(failures)
			if p < mean/2 || p >= mean*3/2 {
				t.Fatalf("after %d failures: %v, want %v to %v", failures, p, mean/2, mean*3/2)
			}
			drawn[p] = true
		}
		if len(drawn) < 900 {
			t.Errorf("after %d failures: only %d different pauses of 1000", failures, len(drawn))
		}
	}
}

// forgetful loses what became of an attempt, as a replica does that dies before it could write it down.
type forgetful struct {
	*store.Store
	dead atomic.Bool
}

func (f *forgetful) RecordAttempt(ctx context.Context, t store.DeliveryAttempt) error {
	if f.dead.Load() {
		return errors.New("killed")
	}
	return f.Store.RecordAttempt(ctx, t)
}

func TestFlush_ACrashBetweenPostAndMark(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", nil)
		e.owe("shop", "a")
		killed := &forgetful{Store: e.store}
		killed.dead.Store(true)
		e.flush(e.sender(func(d *backchannel.Deps) { d.Records = killed }))
		other := e.sender()
		e.advance(backchannel.ClaimTimeout - time.Millisecond)
		e.flush(other)
		if got := e.tokens("shop"); len(got) != 1 {
			t.Fatalf("sent %q while the lease ran", got)
		}
		e.advance(time.Millisecond)
		e.flush(other)
		e.flush(other)
		if got := e.tokens("shop"); !slices.Equal(got, []string{"a", "a"}) {
			t.Errorf("sent %q", got)
		}
		if e.count(`delivered_at IS NOT NULL AND attempts = 2`) != 1 {
			t.Error("it waits for ever")
		}
	})
}

func TestRun_TwoReplicasDeliverOnce(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		const each = 60
		var want []string
		for _, id := range []string{"a", "b", "c"} {
			e.client(id, nil)
			want = append(want, sids(id, each)...)
			e.owe(id, sids(id, each)...)
		}
		var replicas sync.WaitGroup
		for range 3 {
			s := e.sender()
			replicas.Go(func() {
				if err := s.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		got := slices.Concat(e.tokens("a"), e.tokens("b"), e.tokens("c"))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d notices were sent %d times: %q", len(want), len(got), got)
		}
		if n := e.count(`delivered_at IS NULL`); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// While the head start runs, no other replica sends what the one that ended the sign-in is sending.
func TestFlush_LeavesTheHandoverTimeout(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", nil)
		e.fresh("shop", "a")
		s := e.sender()
		e.advance(backchannel.HandoverTimeout - time.Millisecond)
		e.flush(s)
		if got := e.tokens("shop"); len(got) != 0 {
			t.Fatalf("sent %q", got)
		}
		e.advance(time.Millisecond)
		e.flush(s)
		if got := e.tokens("shop"); len(got) != 1 {
			t.Errorf("sent %q", got)
		}
	})
}

func TestFlush_GivesUpAfterADayAndAnAdminResends(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", status(http.StatusBadGateway))
		sent := e.owe("shop", "a")[0]
		s := e.sender()
		tries := func() (n int) {
			for begun := e.clock(); e.count(`given_up_at IS NOT NULL`) == 0; {
				if n++; e.clock().Sub(begun) > backchannel.MaxNoticeAge+backchannel.MaxRetryDelay*2 {
					t.Fatal("it is never given up")
				}
				e.flush(s)
				e.advance(e.unheardAny("shop").NextAt.Sub(e.clock()))
			}
			return n
		}
		// Pauses double up to fifteen minutes and have a jitter: about a hundred attempts in a day.
		if n := tries(); n < 70 || n > 160 {
			t.Errorf("%d attempts in a day", n)
		}
		dead := e.unheard("shop", true)
		if age := dead.GivenUpAt.Sub(sent.CreatedAt); age < backchannel.MaxNoticeAge-2*backchannel.MaxRetryDelay || age > backchannel.MaxNoticeAge {
			t.Errorf("given up after %v", age)
		}
		before := len(e.tokens("shop"))
		e.advance(time.Hour)
		e.flush(s)
		if n := len(e.tokens("shop")); n != before {
			t.Errorf("a dead letter was sent %d times", n-before)
		}
		if err := e.store.Apply(t.Context(), store.ResendNotice(sent.ID, e.clock())); err != nil {
			t.Fatal(err)
		}
		if n := tries(); n < 70 || n > 160 {
			t.Errorf("sent again: %d attempts in a day", n)
		}
		e.behave("shop", nil)
		if err := e.store.Apply(t.Context(), store.ResendNotice(sent.ID, e.clock())); err != nil {
			t.Fatal(err)
		}
		e.flush(s)
		if e.count(`delivered_at IS NOT NULL AND given_up_at IS NULL AND attempts = 1`) != 1 {
			t.Error("sent again, it was not heard")
		}
	})
}

// unheardAny is the one notice of a client, whatever became of it.
func (e *estate) unheardAny(client string) store.Delivery {
	e.t.Helper()
	return e.unheard(client, e.count(`client_id = ? AND given_up_at IS NOT NULL`, client) == 1)
}

// Run ends when told, and what is under way then counts as what it becomes.
func TestRun_EndsWithWhatIsUnderWay(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("slow", e.hang)
		e.owe("slow", "a")
		s := e.sender()
		s.SetDeliveryTimeout(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		e.until("the client is asked", func() bool { now, _ := e.underWay("slow"); return now == 1 })
		cancel()
		e.release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if e.count(`delivered_at IS NOT NULL`) != 1 {
			t.Error("what was heard is not recorded")
		}
	})
}

// away is a database that fails from time to time.
type away struct {
	*store.Store
	down  atomic.Bool
	asked atomic.Int64
}

func (a *away) DueClients(ctx context.Context, now time.Time) ([]string, error) {
	if a.down.Load() {
		a.asked.Add(1)
		return nil, errors.New("no connection")
	}
	return a.Store.DueClients(ctx, now)
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) count(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), s)
}

func TestRun_ADatabaseThatIsAwayIsReportedOnce(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", nil)
		e.owe("shop", "a")
		records, log := &away{Store: e.store}, &buffer{}
		records.down.Store(true)
		s := e.sender(func(d *backchannel.Deps) {
			d.Records, d.Logger = records, slog.New(slog.NewTextHandler(log, nil))
		})
		if err := s.Flush(t.Context()); err == nil {
			t.Error("Flush says nothing of a database that is away")
		}
		e.run(s)
		e.until("it is asked again", func() bool { return records.asked.Load() >= 2 })
		records.down.Store(false)
		e.until("shop has heard", func() bool { return e.count(`delivered_at IS NULL`) == 0 })
		if log.count("wait in the outbox") != 1 || log.count("sending logout tokens again") != 1 {
			t.Errorf("logged %q", log.b.String())
		}
	})
}

func TestRun_ClearsAwayWhatIsOld(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", nil)
		e.owe("shop", "a")
		s := e.sender()
		e.flush(s)
		storetest.AddNotice(t, e.db, store.Notice{ClientID: "nobody", SID: "b"}, e.clock())
		e.flush(s)
		if e.count(`delivered_at IS NOT NULL`) != 1 || e.count(`given_up_at IS NOT NULL`) != 1 {
			t.Fatal("the beginning is another")
		}
		e.advance(8 * 24 * time.Hour)
		e.run(e.sender())
		e.until("what was heard is gone", func() bool { return e.count(`delivered_at IS NOT NULL`) == 0 })
		e.advance(30 * 24 * time.Hour)
		e.until("the dead letter is gone", func() bool { return e.count(`1 = 1`) == 0 })
	})
}

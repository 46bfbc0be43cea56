package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/academy/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func eachRuns(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		test(t, s)
	})
}

func run(id, sub, experiment string) store.Run {
	return store.Run{ID: id, Sub: sub, Experiment: experiment, Mode: "guided", Setup: "{}", Replica: "academy-1"}
}

func start(t *testing.T, s *store.Store, r store.Run, at time.Time) {
	t.Helper()
	if made, err := s.StartRun(t.Context(), r, 100, at); err != nil || !made {
		t.Fatal(made, err)
	}
	if err := s.PlaceRun(t.Context(), r.ID, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
}

func TestRuns_AreKeptAndOnesOwn(t *testing.T) {
	eachRuns(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		start(t, s, run("a", "alice", "sticky"), noon)
		if made, err := s.StartRun(ctx, run("a", "alice", "sticky"), 100, noon); made || err != nil {
			t.Fatalf("a form sent twice: %v, %v", made, err)
		}
		if _, err := s.StartRun(ctx, run("a", "bob", "sticky"), 100, noon); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("another person's id: %v", err)
		}
		r, err := s.FindRun(ctx, "a", "alice")
		if err != nil {
			t.Fatal(err)
		}
		overtaken, setup := r, r.Setup
		for _, state := range []string{`{"version":6}`, `{"version":7}`} { // both at the same time
			if saved, err := s.SaveRun(ctx, &r, 3, state, noon.Add(time.Minute)); !saved || err != nil {
				t.Fatal(saved, err)
			}
		}
		if saved, err := s.SaveRun(ctx, &overtaken, 2, `{"version":5}`, noon.Add(time.Hour)); saved || err != nil || overtaken.Step != 0 {
			t.Fatalf("another saved meanwhile: %v, %v", saved, err)
		}
		r, err = s.FindRun(ctx, "a", "alice")
		if err != nil || r.Step != 3 || r.State != `{"version":7}` || r.Setup != setup || r.Address != "127.0.0.1:1" || !r.IsRunning() {
			t.Fatal(r, err)
		}
		if _, err := s.FindRun(ctx, "a", "bob"); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("bob sees alice's run: %v", err)
		}
		for _, why := range []string{"You ended it.", "Another reason."} {
			if err := s.EndRun(ctx, "a", why, noon.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if saved, err := s.SaveRun(ctx, &r, 0, `{}`, noon.Add(2*time.Hour)); saved || err != nil {
			t.Fatalf("it has ended: %v, %v", saved, err)
		}
		if r, err = s.FindRun(ctx, "a", "alice"); err != nil || r.IsRunning() || r.EndedWhy != "You ended it." || r.Step != 3 || r.State != `{"version":7}` {
			t.Fatal(r, err)
		}
	})
}

func TestRuns_NoMoreThanTheQuotaAlsoAtOnce(t *testing.T) {
	eachRuns(t, func(t *testing.T, s *store.Store) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var made, refused int
		for i := range 8 {
			wg.Go(func() {
				ok, err := s.StartRun(t.Context(), run(fmt.Sprint("r", i), "alice", "sticky"), 2, noon)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case ok && err == nil:
					made++
				case errors.Is(err, store.ErrTooMany):
					refused++
				default:
					t.Error(ok, err)
				}
			})
		}
		wg.Wait()
		if made != 2 || refused != 6 {
			t.Fatalf("%d made, %d refused", made, refused)
		}
		rs, err := s.RunningOf(t.Context(), "alice")
		if err != nil || len(rs) != 2 {
			t.Fatal(rs, err)
		}
		if err := s.DropRun(t.Context(), rs[0].ID); err != nil {
			t.Fatal(err)
		}
		if rs, err = s.RunningOf(t.Context(), "alice"); err != nil || len(rs) != 1 {
			t.Fatal(rs, err)
		}
	})
}

func TestRuns_ThoseOfAReplicaThatDiedAreEnded(t *testing.T) {
	eachRuns(t, func(t *testing.T, s *store.Store) {
		start(t, s, run("a", "alice", "sticky"), noon)
		other := run("b", "alice", "sticky")
		other.Replica = "academy-2"
		start(t, s, other, noon)
		if n, err := s.LoseRuns(t.Context(), "academy-1", "The Academy was restarted.", noon); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		rs, err := s.RunningOf(t.Context(), "alice")
		if err != nil || len(rs) != 1 || rs[0].ID != "b" {
			t.Fatal(rs, err)
		}
	})
}

func TestRunsOf_ByPage(t *testing.T) {
	eachRuns(t, func(t *testing.T, s *store.Store) {
		for i := range store.RunsPerPage + 3 {
			start(t, s, run(fmt.Sprintf("r%02d", i), "alice", "sticky"), noon.Add(time.Duration(i)*time.Minute))
		}
		start(t, s, run("bobs", "bob", "sticky"), noon)
		first, err := s.RunsOf(t.Context(), "alice", 1)
		if err != nil || first.Total != 15 || first.Pages() != 2 || len(first.Runs) != store.RunsPerPage || first.Runs[0].ID != "r14" {
			t.Fatal(first, err)
		}
		last, err := s.RunsOf(t.Context(), "alice", 999)
		if err != nil || last.Page != 2 || len(last.Runs) != 3 || last.Runs[2].ID != "r00" {
			t.Fatal(last, err)
		}
		newest, err := s.NewestRun(t.Context(), "alice", "sticky")
		if err != nil || newest.ID != "r14" {
			t.Fatal(newest, err)
		}
	})
}

func TestLastResult_OfTheGuidedPathOrElseOfTheNewestRun(t *testing.T) {
	eachRuns(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if _, err := s.LastResult(ctx, "alice", "sticky"); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		start(t, s, run("a", "alice", "sticky"), noon)
		running, err := s.FindRun(ctx, "a", "alice")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SaveRun(ctx, &running, 2, `{"version":1}`, noon); err != nil {
			t.Fatal(err)
		}
		r, err := s.LastResult(ctx, "alice", "sticky")
		if err != nil || r.Done || r.State != `{"version":1}` || r.Step != 2 {
			t.Fatal(r, err)
		}
		for i, findings := range []string{`{"lost":1}`, `{"lost":2}`} {
			first, err := s.FinishExperiment(ctx, store.ExperimentDone{Sub: "alice", Experiment: "sticky", Run: "a", Findings: findings}, noon)
			if err != nil || first != (i == 0) {
				t.Fatal(first, err)
			}
		}
		if r, err = s.LastResult(ctx, "alice", "sticky"); err != nil || !r.Done || r.Findings != `{"lost":2}` {
			t.Fatal(r, err)
		}
		done, err := s.ExperimentsDone(ctx, "alice")
		if err != nil || len(done) != 1 || db.Time(done["sticky"].DoneAt) != noon {
			t.Fatal(done, err)
		}
	})
}

func TestRuns_OldOnesAreForgotten(t *testing.T) {
	eachRuns(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		start(t, s, run("other", "alice", "sticky"), noon)
		start(t, s, run("bobs", "bob", "card"), noon)
		for i := range store.MaxRunsKept + 5 {
			id := fmt.Sprintf("r%02d", i)
			start(t, s, run(id, "alice", "card"), noon.Add(time.Duration(i)*time.Minute))
			if i == 1 {
				continue // it runs still
			}
			if err := s.EndRun(ctx, id, "You ended it.", noon); err != nil {
				t.Fatal(err)
			}
			if i == 2 {
				if _, err := s.FinishExperiment(ctx, store.ExperimentDone{Sub: "alice", Experiment: "card", Run: id, Findings: "{}"}, noon); err != nil {
					t.Fatal(err)
				}
			}
		}
		for id, there := range map[string]bool{"r00": false, "r01": true, "r02": true, "r03": false, "r04": false, "r05": true, "r29": true, "other": true} {
			if _, err := s.FindRun(ctx, id, "alice"); (err == nil) != there {
				t.Errorf("%s: %v", id, err)
			}
		}
		if _, err := s.FindRun(ctx, "bobs", "bob"); err != nil {
			t.Errorf("bob's: %v", err)
		}
	})
}

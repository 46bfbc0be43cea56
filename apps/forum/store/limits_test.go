package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

// No person writes more than the limits say, however many of their requests come at once; others still can, and so can
// they in the next window.
func TestLimits_HoldForEachKindOfWrite(t *testing.T) {
	const window = 10 * time.Minute
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Limits")
		ctx, carol := t.Context(), store.Author{Sub: "demo-carol", Name: "Carol Demo"}
		mine, err := s.CreateReply(ctx, store.NewReply{Thread: opening.Thread, Source: "mine", Author: carol, FormKey: "mine", At: began.Add(-2 * window)})
		if err != nil {
			t.Fatal(err)
		}
		voted := false
		for name, kind := range map[string]struct {
			most  int
			table string // that a success adds a row to, "" for none
			write func(by store.Author, n int, at time.Time) error
		}{
			"threads": {20, "threads", func(by store.Author, n int, at time.Time) error {
				_, err := s.CreateThread(ctx, store.NewThread{Board: "general", Title: "T", Source: "S", Author: by, FormKey: fmt.Sprint("t", n), At: at})
				return err
			}},
			"replies": {60, "posts", func(by store.Author, n int, at time.Time) error {
				_, err := s.CreateReply(ctx, store.NewReply{Thread: opening.Thread, Source: "S", Author: by, FormKey: fmt.Sprint("r", n), At: at})
				return err
			}},
			"votes": {120, "", func(by store.Author, n int, at time.Time) error {
				_, err := s.Vote(ctx, opening.ID, by.Sub, !voted, at)
				voted = voted != (err == nil)
				return err
			}},
		} {
			before := count(t, d, kind.table)
			var done, refused, wait atomic.Int64
			var wg sync.WaitGroup
			workers := 4
			if name == "votes" { // of which only changes count
				workers = 1
			}
			for worker := range workers {
				wg.Go(func() {
					for i := range kind.most / workers * 2 {
						limit := (*db.RateLimitError)(nil)
						switch err := kind.write(carol, worker*1000+i, began); {
						case errors.As(err, &limit):
							refused.Add(1)
							wait.Store(int64(limit.Wait))
						case err != nil:
							t.Errorf("%s: %v", name, err)
						default:
							done.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if int(done.Load()) != kind.most || refused.Load() == 0 || time.Duration(wait.Load()) != window {
				t.Errorf("%s: %d done, %d refused for %s", name, done.Load(), refused.Load(), time.Duration(wait.Load()))
			}
			if n := count(t, d, kind.table) - before; kind.table != "" && n != kind.most {
				t.Errorf("%s: %d rows were written", name, n)
			}
			if name != "votes" {
				if err := kind.write(bob, 1, began); err != nil {
					t.Errorf("%s: another person is refused: %v", name, err)
				}
			}
			if err := kind.write(carol, 9999, began.Add(window)); err != nil {
				t.Errorf("%s: refused in the next window: %v", name, err)
			}
		}
		edit := func(n int) error {
			_, err := s.EditPost(ctx, store.Edit{Post: mine.ID, Author: carol.Sub, Version: n, Source: fmt.Sprint(n), At: began})
			return err
		}
		for n := range 30 {
			if err := edit(n + 1); err != nil {
				t.Fatal(err)
			}
		}
		if limit := (*db.RateLimitError)(nil); !errors.As(edit(31), &limit) {
			t.Error("31 edits")
		}
		if err := s.CleanUp(ctx, began.Add(3*window)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "rate_limits"); n != 0 {
			t.Errorf("%d limits are left", n)
		}
	})
}

// A form that is sent again finds its thread also when the limit is used up by then.
func TestLimits_ASecondClickFindsItsThread(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		first := begin(t, s, "0")
		for i := range 19 {
			begin(t, s, fmt.Sprint(i+1))
		}
		if again := begin(t, s, "0"); again.ID != first.ID {
			t.Error("another thread")
		}
	})
}

func count(t *testing.T, d *db.DB, table string) (n int) {
	t.Helper()
	if table == "" {
		return 0
	}
	if err := d.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM `+table); err != nil {
		t.Fatal(err)
	}
	return n
}

package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

func TestFollow_TellsOfNewsWithinABudget(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Followed")
		follow := func(thread string, follow bool) error {
			return s.Follow(t.Context(), bob.Sub, thread, follow, began)
		}
		news := func(want int) {
			t.Helper()
			if n, err := s.FollowedNews(t.Context(), bob.Sub); err != nil || n != want {
				t.Errorf("%d, want %d, %v", n, want, err)
			}
		}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := follow(opening.Thread, true); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if follows, err := s.Follows(t.Context(), bob.Sub, opening.Thread); err != nil || !follows || count(t, d, "follows") != 1 {
			t.Fatal(follows, err)
		}
		news(1) // it is not read yet
		if err := s.MarkRead(t.Context(), bob.Sub, opening.Thread, 1, began); err != nil {
			t.Fatal(err)
		}
		news(0)
		reply(t, s, opening.Thread, "r")
		news(1)
		if err := follow("none", true); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		grow(t, d, store.MaxFollows+20)
		if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO follows (sub, thread_id, followed_at) SELECT ?, id, 1 FROM threads WHERE created_at <= ? AND id LIKE 't%' AND id <> ?`),
			bob.Sub, store.MaxFollows-4, opening.Thread); err != nil {
			t.Fatal(err)
		}
		for i := range 8 {
			wg.Go(func() {
				if err := follow(fmt.Sprint("t", store.MaxFollows+i), true); err != nil && !errors.Is(err, store.ErrFollows) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := count(t, d, "follows"); n != store.MaxFollows {
			t.Errorf("%d threads are followed", n)
		}
		l, err := s.Followed(t.Context(), bob.Sub, 1<<40)
		if err != nil || l.Total != store.MaxFollows || l.Page != 5 || len(l.Threads) != store.PageSize {
			t.Error(l.Total, l.Page, len(l.Threads), err)
		}
		if l, _ := s.Followed(t.Context(), bob.Sub, 1); l.Threads[0].ID != opening.Thread {
			t.Error(l.Threads[0])
		}
		for range 2 {
			if err := follow(opening.Thread, false); err != nil || count(t, d, "follows") != store.MaxFollows-1 {
				t.Error(err)
			}
		}
		limit := (*db.RateLimitError)(nil)
		for range 61 {
			err = s.Follow(t.Context(), "carol", opening.Thread, true, began.Add(time.Second))
		}
		if !errors.As(err, &limit) {
			t.Error(err)
		}
	})
}

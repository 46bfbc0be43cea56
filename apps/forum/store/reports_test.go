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

func TestReports_OneForEachPersonAndPost(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Reported")
		r := reply(t, s, opening.Thread, "r")
		report := func(post, sub string, at time.Time) error {
			return s.CreateReport(t.Context(), store.NewReport{Post: post, By: store.Author{Sub: sub, Name: sub}, Reason: "Spam", At: at})
		}
		var created, refused atomic.Int64
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				switch err := report(opening.ID, "carol", began); {
				case err == nil:
					created.Add(1)
				case errors.Is(err, store.ErrReported):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || refused.Load() != 5 {
			t.Fatal(created.Load(), refused.Load())
		}
		if err := report(r.ID, "carol", began.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := report(opening.ID, "dave", began.Add(2*time.Second)); err != nil {
			t.Fatal(err)
		}
		for post, want := range map[string]error{"none": store.ErrNotFound, r.ID: store.ErrOwnPost} {
			if err := report(post, bob.Sub, began); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		queue, total, _, err := s.Queue(t.Context(), 1)
		if err != nil || total != 3 || len(queue) != 3 || queue[0].Post != opening.ID || queue[0].Name != "carol" || queue[1].Post != r.ID || queue[0].Title != "Reported" {
			t.Fatal(queue, total, err)
		}
		// A decision is for all reports of the post, is logged once, and the post can be reported again.
		for range 4 {
			wg.Go(func() {
				if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Dismiss, Post: opening.ID, Actor: alice, At: began}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, logged, _, _ := s.Log(t.Context(), 1); logged != 1 {
			t.Error(logged)
		}
		if n, err := s.OpenReports(t.Context(), 99); err != nil || n != 1 {
			t.Error(n, err)
		}
		if err := report(opening.ID, "carol", began); err != nil {
			t.Error(err)
		}
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Remove, Post: r.ID, Actor: alice, Reason: "why", At: began}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.OpenReports(t.Context(), 99); err != nil || n != 1 {
			t.Error(n, err)
		}
		if err := report(r.ID, "dave", began); !errors.Is(err, store.ErrRemoved) {
			t.Error(err)
		}
		if err := s.CleanUp(t.Context(), began.Add(91*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "reports"); n != 1 { // the open one
			t.Error(n)
		}
	})
}

func TestReports_HaveABudget(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Reported")
		var last error
		limited := 0
		for i := range 26 {
			post := reply(t, s, opening.Thread, fmt.Sprint(i))
			for window := 0; ; window++ {
				at := began.Add(time.Duration(i/10+window) * 10 * time.Minute)
				last = s.CreateReport(t.Context(), store.NewReport{Post: post.ID, By: store.Author{Sub: "carol", Name: "Carol"}, Reason: "Spam", At: at})
				if limit := (*db.RateLimitError)(nil); !errors.As(last, &limit) {
					break
				}
				limited++
			}
		}
		if n, err := s.OpenReports(t.Context(), 99); err != nil || n != 20 || !errors.Is(last, store.ErrReports) {
			t.Error(n, err, last)
		}
		if n, err := s.OpenReports(t.Context(), 7); err != nil || n != 7 {
			t.Error(n, err)
		}
		_, err := d.ExecContext(t.Context(), `UPDATE reports SET closed_at = 1`)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 11 {
			post := reply(t, s, opening.Thread, fmt.Sprint("more", i))
			last = s.CreateReport(t.Context(), store.NewReport{Post: post.ID, By: store.Author{Sub: "carol", Name: "Carol"}, Reason: "Spam", At: began.Add(time.Hour)})
		}
		if limit := (*db.RateLimitError)(nil); !errors.As(last, &limit) {
			t.Error(last)
		}
	})
}

func TestMember_IsWhatIsShown(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		if _, err := s.Member(t.Context(), bob.Sub); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		opening := begin(t, s, "Shown")
		r := reply(t, s, opening.Thread, "r")
		m, err := s.Member(t.Context(), bob.Sub)
		if err != nil || m.Name != bob.Name || m.Since != r.CreatedAt {
			t.Fatal(m, err)
		}
		posts, total, page, err := s.MemberPosts(t.Context(), bob.Sub, 1<<40)
		if err != nil || total != 1 || page != 1 || posts[0].ID != r.ID || posts[0].Title != "Shown" {
			t.Fatal(posts, total, page, err)
		}
		if _, err := s.DeletePost(t.Context(), r.ID, bob.Sub, began); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Member(t.Context(), bob.Sub); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	})
}

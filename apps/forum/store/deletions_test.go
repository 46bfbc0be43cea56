package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

func listed(t *testing.T, s *store.Store, query string) int {
	t.Helper()
	l, err := s.Threads(t.Context(), store.Filter{Query: query})
	if err != nil {
		t.Fatal(err)
	}
	return l.Total
}

func TestDeletePost_IsTakenBackInTime(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Deleted")
		r := reply(t, s, opening.Thread, "unusualword")
		refused := func(err, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		_, err := s.DeletePost(t.Context(), r.ID, alice.Sub, began)
		refused(err, store.ErrNotAuthor)
		_, err = s.DeletePost(t.Context(), "none", alice.Sub, began)
		refused(err, store.ErrNotFound)
		for range 2 { // sent twice, counted once
			if _, err := s.DeletePost(t.Context(), r.ID, bob.Sub, began); err != nil {
				t.Fatal(err)
			}
		}
		if th := thread(t, s, opening.Thread); th.Replies != 0 || th.LastNumber != 2 || listed(t, s, "unusualword") != 0 {
			t.Errorf("%+v", th)
		}
		if p, _ := s.Post(t.Context(), r.ID); !p.Deleted() || p.Source == "" {
			t.Errorf("%+v", p)
		}
		_, err = s.UndeletePost(t.Context(), r.ID, alice.Sub, began)
		refused(err, store.ErrNotAuthor)
		_, err = s.UndeletePost(t.Context(), r.ID, bob.Sub, began.Add(store.UndoTimeout))
		refused(err, store.ErrTooLate)
		for range 2 {
			if _, err := s.UndeletePost(t.Context(), r.ID, bob.Sub, began.Add(store.UndoTimeout-time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if th := thread(t, s, opening.Thread); th.Replies != 1 || listed(t, s, "unusualword") != 1 {
			t.Errorf("%+v", th)
		}

		// The thread stays because of its reply, without its author's name.
		if _, err := s.DeletePost(t.Context(), opening.ID, alice.Sub, began); err != nil {
			t.Fatal(err)
		}
		if th := thread(t, s, opening.Thread); th.RemovedAt.Set() || th.AuthorName != "" || listed(t, s, "") != 1 || listed(t, s, "deleted") != 1 {
			t.Errorf("%+v", th)
		}
		// A moderator can remove what is left, and restore it; the author's text stays deleted.
		moderate := func(a store.Action, post string) {
			t.Helper()
			if _, err := s.Moderate(t.Context(), store.Moderation{Action: a, Post: post, Actor: bob, Reason: "why", At: began}); err != nil {
				t.Fatal(a, err)
			}
		}
		moderate(store.Remove, opening.ID)
		_, err = s.UndeletePost(t.Context(), opening.ID, alice.Sub, began)
		refused(err, store.ErrRemoved)
		if th := thread(t, s, opening.Thread); !th.RemovedAt.Set() || listed(t, s, "") != 0 {
			t.Errorf("%+v", th)
		}
		moderate(store.Restore, opening.ID)
		if p, _ := s.Post(t.Context(), opening.ID); !p.Deleted() || listed(t, s, "") != 1 {
			t.Errorf("%+v", p)
		}
		if _, err := s.UndeletePost(t.Context(), opening.ID, alice.Sub, began); err != nil {
			t.Fatal(err)
		}
		if th := thread(t, s, opening.Thread); th.AuthorName != alice.Name || listed(t, s, "") != 1 {
			t.Errorf("%+v", th)
		}
		// A reply that comes back brings the thread back, without its opening post.
		for _, p := range []store.Post{r, opening} {
			if _, err := s.DeletePost(t.Context(), p.ID, p.AuthorSub, began); err != nil {
				t.Fatal(err)
			}
		}
		if listed(t, s, "") != 0 {
			t.Error("a thread without a post is listed")
		}
		for _, p := range []store.Post{r, opening} {
			if _, err := s.UndeletePost(t.Context(), p.ID, p.AuthorSub, began); err != nil {
				t.Fatal(err)
			}
			if b, _ := s.Board(t.Context(), "general"); b.Threads != 1 || listed(t, s, "unusualword") != 1 {
				t.Errorf("%d threads are counted", b.Threads)
			}
		}
		moderate(store.Lock, opening.ID)
		_, err = s.DeletePost(t.Context(), r.ID, bob.Sub, began)
		refused(err, store.ErrLocked)
		moderate(store.Unlock, opening.ID)
		moderate(store.Remove, r.ID)
		_, err = s.DeletePost(t.Context(), r.ID, bob.Sub, began)
		refused(err, store.ErrRemoved)
	})
}

// Deleting the opening post while people reply either takes the thread along or keeps it with its replies; counts hold.
func TestDeletePost_CountsHoldWhateverComesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		for _, title := range []string{"One", "Two", "Three"} {
			opening := begin(t, s, title)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if _, err := s.DeletePost(t.Context(), opening.ID, alice.Sub, began); err != nil && !errors.Is(err, store.ErrRemoved) {
						t.Error(err)
					}
				})
				wg.Go(func() {
					_, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "x", Author: bob, FormKey: "r" + title, At: began})
					if err != nil && !errors.Is(err, store.ErrRemoved) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			th := thread(t, s, opening.Thread)
			if th.RemovedAt.Set() != (th.Replies == 0) || th.Replies > 1 {
				t.Errorf("%+v", th)
			}
			if b, _ := s.Board(t.Context(), "general"); b.Threads != listed(t, s, "") {
				t.Errorf("%d threads are counted, %d are listed", b.Threads, listed(t, s, ""))
			}
			for range 4 {
				wg.Go(func() {
					if _, err := s.UndeletePost(t.Context(), opening.ID, alice.Sub, began); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if th := thread(t, s, opening.Thread); th.RemovedAt.Set() {
				t.Errorf("%+v", th)
			}
			var rows, counted int
			if err := d.GetContext(t.Context(), &rows, `SELECT COUNT(*) FROM threads WHERE removed_at = 0`); err != nil {
				t.Fatal(err)
			}
			if err := d.GetContext(t.Context(), &counted, `SELECT SUM(threads) FROM boards`); err != nil || counted != rows {
				t.Errorf("%d threads are counted, there are %d: %v", counted, rows, err)
			}
		}
	})
}

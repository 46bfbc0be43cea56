package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

var (
	alice = store.Author{Sub: "demo-alice", Name: "Alice Demo"}
	bob   = store.Author{Sub: "demo-bob", Name: "Bob Demo"}
	began = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
)

// each runs the test on both databases, with a board "general" and a staff board.
func each(t *testing.T, test func(t *testing.T, s *store.Store, d *db.DB)) {
	t.Helper()
	env.EachDB(t, "forum", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range []store.Board{{Slug: "general", Name: "General"}, {Slug: "house", Name: "House", StaffOnly: true}} {
			b.Position = i
			if err := s.PutBoard(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		test(t, s, d)
	})
}

func begin(t *testing.T, s *store.Store, title string) store.Post {
	t.Helper()
	p, err := s.CreateThread(t.Context(), store.NewThread{Board: "general", Title: title, Source: "Text of " + title,
		Author: alice, FormKey: "key of " + title, At: began})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reply(t *testing.T, s *store.Store, thread, key string) store.Post {
	t.Helper()
	p, err := s.CreateReply(t.Context(), store.NewReply{Thread: thread, Source: "Reply " + key, Author: bob, FormKey: key, At: began.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func thread(t *testing.T, s *store.Store, id string) store.Thread {
	t.Helper()
	th, err := s.Thread(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return th
}

func eventTypes(t *testing.T, d *db.DB) map[string]int {
	t.Helper()
	var types []string
	if err := d.SelectContext(t.Context(), &types, `SELECT type FROM event_outbox`); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, typ := range types {
		counts[typ]++
	}
	return counts
}

func TestNew_RefusesNil(t *testing.T) {
	if _, err := store.New(nil); err == nil {
		t.Fatal("no error")
	}
}

func TestThread_TellsWhatWasWritten(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		product := store.Product{Slug: "latch", Name: "Latch", Path: "/products/latch"}
		p, err := s.CreateThread(t.Context(), store.NewThread{Board: "general", Title: "Çölde", Source: "*x*", Author: alice,
			Product: product, FormKey: "k", At: began})
		if err != nil {
			t.Fatal(err)
		}
		th := thread(t, s, p.Thread)
		if th.Title != "Çölde" || th.Product != product || th.AuthorSub != alice.Sub || !th.CreatedAt.Time().Equal(began) || th.LastNumber != 1 {
			t.Fatalf("%+v", th)
		}
		got, err := s.Post(t.Context(), p.ID)
		if err != nil || got != p || got.Number != 1 || got.Source != "*x*" {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := s.Thread(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := s.Post(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := s.Board(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	})
}

func TestCreate_SameFormKeyPostsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Once")
		var wg sync.WaitGroup
		ids := make([]string, 12)
		for i := range ids {
			wg.Go(func() {
				p, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "Same", Author: bob, FormKey: "double", At: began})
				if err != nil {
					t.Error(err)
				}
				ids[i] = p.ID
				again, err := s.CreateThread(t.Context(), store.NewThread{Board: "general", Title: "Once", Source: "x", Author: alice, FormKey: "key of Once", At: began})
				if err != nil || again.ID != opening.ID {
					t.Errorf("%v %v", again, err)
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatal("a double click posted twice")
			}
		}
		if th := thread(t, s, opening.Thread); th.Replies != 1 || th.LastNumber != 2 {
			t.Fatalf("%+v", th)
		}
		if got := eventTypes(t, d); got["post_created"] != 1 || got["thread_created"] != 1 {
			t.Fatal(got)
		}
		// Somebody else's equal key is another post.
		if _, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "Same", Author: alice, FormKey: "double", At: began}); err != nil {
			t.Fatal(err)
		}
		if th := thread(t, s, opening.Thread); th.Replies != 2 {
			t.Fatalf("%+v", th)
		}
	})
}

func TestCreateReply_ConcurrentRepliesAreNumberedWithoutGaps(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Busy")
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				_, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "x", Author: bob, FormKey: fmt.Sprint(i), At: began})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		th := thread(t, s, opening.Thread)
		if th.Replies != 30 || th.LastNumber != 31 {
			t.Fatalf("%+v", th)
		}
		want := 1
		for page := 1; page <= 2; page++ {
			posts, _, err := s.Posts(t.Context(), th, store.Oldest, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range posts {
				if p.Number != want || p.Page() != page {
					t.Fatalf("post %d on page %d, want %d", p.Number, page, want)
				}
				want++
			}
		}
		if want != 32 {
			t.Fatal(want)
		}
		if _, shown, err := s.Posts(t.Context(), th, store.Oldest, 1<<40); err != nil || shown != 2 {
			t.Fatal(shown, err)
		}
	})
}

func TestVote_CountsEachPersonOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		p := begin(t, s, "Voted")
		var wg sync.WaitGroup
		for i := range 10 {
			for range 3 {
				wg.Go(func() {
					if _, err := s.Vote(t.Context(), p.ID, fmt.Sprint("person-", i), true, began); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if n, err := s.Vote(t.Context(), p.ID, "person-3", false, began); err != nil || n != 9 {
			t.Fatal(n, err)
		}
		if n, err := s.Vote(t.Context(), p.ID, "person-3", false, began); err != nil || n != 9 {
			t.Fatal(n, err)
		}
		got, _ := s.Post(t.Context(), p.ID)
		if th := thread(t, s, p.Thread); got.Votes != 9 || th.Votes != 9 {
			t.Fatal(got.Votes, th.Votes)
		}
		if n := eventTypes(t, d)["vote_cast"]; n != 11 {
			t.Fatal(n)
		}
		if _, err := s.Vote(t.Context(), p.ID, alice.Sub, true, began); !errors.Is(err, store.ErrOwnPost) {
			t.Fatal(err)
		}
		if _, err := s.Vote(t.Context(), "none", bob.Sub, true, began); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		voted, err := s.Voted(t.Context(), "person-1", []store.Post{p})
		if err != nil || !voted[p.ID] {
			t.Fatal(voted, err)
		}
	})
}

func TestEditPost_LosesNoText(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		p := begin(t, s, "Edited")
		edit := store.Edit{Post: p.ID, Author: alice.Sub, Version: 1, Title: "Edited twice", Source: "First", At: began.Add(time.Minute)}
		got, err := s.EditPost(t.Context(), edit)
		if err != nil || got.Version != 2 || !got.EditedAt.Set() {
			t.Fatal(got, err)
		}
		if th := thread(t, s, p.Thread); th.Title != "Edited twice" {
			t.Fatal(th.Title)
		}
		if _, err := s.EditPost(t.Context(), edit); err != nil {
			t.Fatalf("the same edit sent twice: %v", err)
		}
		edit.Source = "Second, from the old text"
		if _, err := s.EditPost(t.Context(), edit); !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		edit.Version, edit.Author = 2, bob.Sub
		if _, err := s.EditPost(t.Context(), edit); !errors.Is(err, store.ErrNotAuthor) {
			t.Fatal(err)
		}
		edit.Post = "none"
		if _, err := s.EditPost(t.Context(), edit); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if now, _ := s.Post(t.Context(), p.ID); now.Source != "First" || now.Version != 2 {
			t.Fatalf("%+v", now)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		saved := 0
		for i := range 6 {
			wg.Go(func() {
				_, err := s.EditPost(t.Context(), store.Edit{Post: p.ID, Author: alice.Sub, Version: 2, Title: "T", Source: fmt.Sprint("Race ", i), At: began})
				if err == nil {
					mu.Lock()
					saved++
					mu.Unlock()
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if saved != 1 {
			t.Fatalf("%d edits of one text were saved", saved)
		}
	})
}

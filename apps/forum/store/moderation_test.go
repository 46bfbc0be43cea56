package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

func TestCreateReply_LookUpThatFailsIsNoAnswer(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Locked")
		reply(t, s, opening.Thread, "r")
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Lock, Post: opening.ID, Actor: bob, Reason: "why", At: began}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ExecContext(t.Context(), `ALTER TABLE posts RENAME TO elsewhere`); err != nil {
			t.Fatal(err)
		}
		_, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "Reply r", Author: bob, FormKey: "r", At: began})
		if err == nil || errors.Is(err, store.ErrLocked) {
			t.Errorf("a second click whose post can't be looked up got %v", err)
		}
	})
}

func TestModerate_UndoesWhatItDoes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Moderated")
		r := reply(t, s, opening.Thread, "r")
		do := func(a store.Action, post string) {
			t.Helper()
			if _, err := s.Moderate(t.Context(), store.Moderation{Action: a, Post: post, Actor: bob, Reason: "why", At: began}); err != nil {
				t.Fatal(a, err)
			}
		}
		do(store.Lock, opening.ID)
		_, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "x", Author: alice, FormKey: "late", At: began})
		if !errors.Is(err, store.ErrLocked) {
			t.Fatal(err)
		}
		_, err = s.EditPost(t.Context(), store.Edit{Post: opening.ID, Author: alice.Sub, Version: 1, Title: "t", Source: "y", At: began})
		if !errors.Is(err, store.ErrLocked) {
			t.Fatal(err)
		}
		// Whoever replied before the lock and clicked twice has their post.
		if again := reply(t, s, opening.Thread, "r"); again.ID != r.ID {
			t.Fatal("a second post")
		}
		do(store.Unlock, opening.ID)

		do(store.Remove, r.ID)
		do(store.Remove, r.ID) // counted and logged once
		if th := thread(t, s, opening.Thread); th.Replies != 0 || th.LastNumber != 2 {
			t.Fatalf("%+v", th)
		}
		if _, err := s.Vote(t.Context(), r.ID, alice.Sub, true, began); !errors.Is(err, store.ErrRemoved) {
			t.Fatal(err)
		}
		do(store.Restore, r.ID)
		if th := thread(t, s, opening.Thread); th.Replies != 1 {
			t.Fatalf("%+v", th)
		}

		do(store.Remove, opening.ID)
		if l, _ := s.Threads(t.Context(), store.Filter{}); l.Total != 0 {
			t.Fatal("a removed thread is listed")
		}
		if _, total, _, _ := s.PostsBy(t.Context(), bob.Sub, 1); total != 0 {
			t.Fatal("a post of a removed thread is listed")
		}
		_, err = s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "x", Author: alice, FormKey: "late", At: began})
		if !errors.Is(err, store.ErrRemoved) {
			t.Fatal(err)
		}
		do(store.Restore, opening.ID)
		posts, total, _, err := s.PostsBy(t.Context(), bob.Sub, 1)
		if err != nil || total != 1 || posts[0].ID != r.ID {
			t.Fatal(posts, total, err)
		}
		titles, err := s.Titles(t.Context(), []string{opening.Thread, "none"})
		if err != nil || len(titles) != 1 || titles[opening.Thread] != "Moderated" {
			t.Fatal(titles, err)
		}

		entries, total, _, err := s.Log(t.Context(), 1)
		if err != nil || total != 6 || len(entries) != 6 {
			t.Fatal(total, err)
		}
		if e := entries[0]; e.Title != "Moderated" || e.ActorName != bob.Name || e.Reason != "why" {
			t.Fatalf("%+v", e)
		}
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: "burn", Post: r.ID, Actor: bob, At: began}); err == nil {
			t.Fatal("an unknown action was carried out")
		}
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Pin, Post: "none", Actor: bob, At: began}); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	})
}

func TestModerate_ConcurrentRemovalsCountOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Removed by many")
		r := reply(t, s, opening.Thread, "r")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Remove, Post: r.ID, Actor: bob, At: began}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		_, logged, _, _ := s.Log(t.Context(), 1)
		if th := thread(t, s, opening.Thread); th.Replies != 0 || logged != 1 {
			t.Fatal(th.Replies, logged)
		}
	})
}

func TestSeed_SowsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		seed := []store.SeedThread{{
			NewThread: store.NewThread{ID: "seeded", Board: "general", Title: "Hello", Source: "World", Author: alice, At: began},
			Voters:    []string{bob.Sub}, Pinned: true, Locked: true,
			Replies: []store.SeedReply{{Author: bob, Source: "Hi", After: time.Hour, Voters: []string{alice.Sub, "third"}}},
		}}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := s.Seed(t.Context(), "demo", began, seed); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		th := thread(t, s, "seeded")
		if th.Votes != 1 || th.Replies != 1 || !th.PinnedAt.Set() || !th.LockedAt.Set() {
			t.Fatalf("%+v", th)
		}
		posts, _, err := s.Posts(t.Context(), th, store.Oldest, 1)
		if err != nil || len(posts) != 2 || posts[1].Votes != 2 {
			t.Fatal(posts, err)
		}
		if len(eventTypes(t, d)) != 0 {
			t.Fatal("a seed is nobody's event")
		}
		bad := []store.SeedThread{{NewThread: store.NewThread{Board: "general", Title: "Vain", Author: alice, At: began}, Voters: []string{alice.Sub}}}
		if err := s.Seed(t.Context(), "vain", began, bad); !errors.Is(err, store.ErrOwnPost) {
			t.Fatal(err)
		}
		if b, _ := s.Board(t.Context(), "general"); b.Threads != 1 {
			t.Fatal("half a seed was sown")
		}
	})
}

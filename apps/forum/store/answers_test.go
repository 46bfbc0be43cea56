package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

func TestAccept_ThereIsOneAnswer(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Answered")
		var replies []store.Post
		for i := range 6 {
			replies = append(replies, reply(t, s, opening.Thread, fmt.Sprint("r", i)))
		}
		accept := func(post string, accepted bool) error {
			_, err := s.Accept(t.Context(), store.Acceptance{Post: post, By: alice.Sub, Accepted: accepted, At: began})
			return err
		}
		var wg sync.WaitGroup
		for _, r := range replies {
			for range 2 {
				wg.Go(func() {
					if err := accept(r.ID, true); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		answer := thread(t, s, opening.Thread).Accepted
		for _, r := range replies { // taking back what is not accepted changes nothing
			if r.ID != answer {
				if err := accept(r.ID, false); err != nil || thread(t, s, opening.Thread).Accepted != answer {
					t.Error(err)
				}
			}
		}
		if err := accept(answer, false); err != nil || thread(t, s, opening.Thread).Accepted != "" {
			t.Error(err)
		}
		for want, a := range map[error]store.Acceptance{
			store.ErrNotFound:  {Post: "none", By: alice.Sub, Accepted: true},
			store.ErrNotReply:  {Post: opening.ID, By: alice.Sub, Accepted: true},
			store.ErrNotAuthor: {Post: replies[0].ID, By: bob.Sub, Accepted: true},
		} {
			a.At = began
			if _, err := s.Accept(t.Context(), a); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		if _, err := s.Accept(t.Context(), store.Acceptance{Post: replies[0].ID, By: "moderator", Moderator: true, Accepted: true, At: began}); err != nil {
			t.Error(err)
		}
		// What is removed while it is being accepted is no answer.
		for i, r := range replies {
			wg.Go(func() {
				if err := accept(r.ID, true); err != nil && !errors.Is(err, store.ErrRemoved) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = s.DeletePost(t.Context(), r.ID, bob.Sub, began)
				} else {
					_, err = s.Moderate(t.Context(), store.Moderation{Action: store.Remove, Post: r.ID, Actor: alice, Reason: "why", At: began})
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if th := thread(t, s, opening.Thread); th.Accepted != "" || th.Replies != 0 {
			t.Errorf("%+v", th)
		}
		if err := accept(replies[0].ID, true); !errors.Is(err, store.ErrRemoved) {
			t.Error(err)
		}
	})
}

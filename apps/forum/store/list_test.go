package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/apps/forum/store"
	"gatehouse/db"
)

func TestThreads_FindsWhatIsShown(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		hinge := begin(t, s, "A squeaking HINGE, 100% loud")
		begin(t, s, "Other matters")
		r, err := s.CreateReply(t.Context(), store.NewReply{Thread: hinge.Thread, Source: "Use ÖL on it_", Author: bob, FormKey: "r", At: began})
		if err != nil {
			t.Fatal(err)
		}
		find := func(query string, want int) {
			t.Helper()
			l, err := s.Threads(t.Context(), store.Filter{Query: query})
			if err != nil || l.Total != want || len(l.Threads) != want {
				t.Errorf("%q: %d, want %d (%v)", query, l.Total, want, err)
			}
		}
		for query, want := range map[string]int{"hinge": 1, "öl": 1, "HINGE öl": 1, "hinge matters": 0, "100%": 1, "0%l": 0, "it_": 1, "t_xt": 0,
			"%": 1, "_": 1, "!": 0, "' OR 1=1 --": 0, "": 2, strings.Repeat("a ", 50): 2, strings.Repeat("z", 5000): 0} {
			find(query, want)
		}
		l, _ := s.Threads(t.Context(), store.Filter{Query: "öl"})
		m, err := s.Matches(t.Context(), l.Threads, "öl")
		if err != nil || m[hinge.Thread] != "Use ÖL on it_" {
			t.Fatal(m, err)
		}
		remove := store.Moderation{Action: store.Remove, Post: r.ID, Actor: bob, Reason: "spam", At: began}
		if _, err := s.Moderate(t.Context(), remove); err != nil {
			t.Fatal(err)
		}
		find("öl", 0)
	})
}

func TestThreads_SortsFiltersAndPages(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		var ids []string
		for i := range 45 {
			p, err := s.CreateThread(t.Context(), store.NewThread{Board: "general", Title: fmt.Sprint(i), Source: "x", Author: alice,
				FormKey: fmt.Sprint(i), At: began.Add(time.Duration(i) * time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, p.ID)
		}
		first := func(f store.Filter) string {
			t.Helper()
			l, err := s.Threads(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			return l.Threads[0].Title
		}
		p7, _ := s.Post(t.Context(), ids[7])
		reply(t, s, p7.Thread, "late")
		if _, err := s.Vote(t.Context(), ids[3], bob.Sub, true, began); err != nil {
			t.Fatal(err)
		}
		if got := first(store.Filter{}); got != "44" {
			t.Error(got)
		}
		if got := first(store.Filter{Sort: store.Active}); got != "7" {
			t.Error(got)
		}
		if got := first(store.Filter{Sort: store.MostVoted}); got != "3" {
			t.Error(got)
		}
		l, _ := s.Threads(t.Context(), store.Filter{Sort: store.Unanswered})
		if l.Total != 44 || l.Pages() != 3 || len(l.Threads) != store.PageSize {
			t.Errorf("%d on %d pages", l.Total, l.Pages())
		}
		l, _ = s.Threads(t.Context(), store.Filter{Page: 1 << 50})
		if l.Page != 3 || len(l.Threads) != 5 {
			t.Errorf("page %d holds %d", l.Page, len(l.Threads))
		}
		if l, _ := s.Threads(t.Context(), store.Filter{Board: "house"}); l.Total != 0 || l.Page != 1 {
			t.Error(l)
		}
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Pin, Post: ids[5], Actor: bob, At: began}); err != nil {
			t.Fatal(err)
		}
		if got := first(store.Filter{Board: "general"}); got != "5" {
			t.Error(got)
		}
	})
}

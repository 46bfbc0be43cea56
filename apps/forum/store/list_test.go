package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
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
			"squeak": 1, "SQUE hin": 1, "queaking": 0, "lo": 0, "loud, hinge!": 1, "ö": 0, "text öl": 1, `"hinge"* OR`: 0, "hinge NOT matters": 0, "hinge -matters": 0,
			"%": 0, "_": 0, "!": 0, "' OR 1=1 --": 0, "": 2, strings.Repeat("a ", 50): 1, strings.Repeat("z", 5000): 0} {
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
		find("hinge", 1)
		restore := remove
		restore.Action = store.Restore
		if _, err := s.Moderate(t.Context(), restore); err != nil {
			t.Fatal(err)
		}
		find("öl", 1)
		edit := store.Edit{Post: hinge.ID, Author: hinge.AuthorSub, Version: 1, Title: "A quiet door", Source: "新しい蝶番", At: began}
		if _, err := s.EditPost(t.Context(), edit); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int{"hinge": 0, "quiet öl": 1, "蝶番": 1, "番新": 1, "猫": 0} {
			find(query, want)
		}
		whole := store.Moderation{Action: store.Remove, Post: hinge.ID, Actor: bob, Reason: "spam", At: began}
		if _, err := s.Moderate(t.Context(), whole); err != nil {
			t.Fatal(err)
		}
		find("quiet", 0)
		find("", 1)
		whole.Action = store.Restore
		if _, err := s.Moderate(t.Context(), whole); err != nil {
			t.Fatal(err)
		}
		find("quiet öl", 1)
		find("", 2)
		// Threads of before the index are found once they are indexed.
		if _, err := d.ExecContext(t.Context(), `UPDATE search_documents SET words = NULL`); err != nil {
			t.Fatal(err)
		}
		find("quiet", 0)
		if err := s.CleanUp(t.Context(), began); err != nil {
			t.Fatal(err)
		}
		find("quiet öl", 1)
		find("other", 1)
		// So are those that a replica of an older version begins.
		if _, err := d.ExecContext(t.Context(), `DELETE FROM search_documents`); err != nil {
			t.Fatal(err)
		}
		reply(t, s, hinge.Thread, "later")
		if err := s.CleanUp(t.Context(), began); err != nil {
			t.Fatal(err)
		}
		find("quiet öl later", 1)
		find("other", 1)
	})
}

// Replies and edits that come at once leave no word out.
func TestThreads_FindsWhatCameAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		p := begin(t, s, "Many at once")
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				_, err := s.CreateReply(t.Context(), store.NewReply{Thread: p.Thread, Source: fmt.Sprint("reply", i), Author: bob, FormKey: fmt.Sprint(i), At: began})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			for n := range 6 {
				if _, err := s.EditPost(t.Context(), store.Edit{Post: p.ID, Author: alice.Sub, Version: n + 1, Title: "Many at once", Source: fmt.Sprint("edit", n), At: began}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		query := "many once edit5"
		for i := range 12 {
			l, err := s.Threads(t.Context(), store.Filter{Query: fmt.Sprint(query, " reply", i)})
			if err != nil || l.Total != 1 {
				t.Errorf("reply%d: %d, %v", i, l.Total, err)
			}
		}
	})
}

// What has more matches than are listed says so, and lists the newest of them in any order.
func TestThreads_ManyMatches(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		grow(t, d, store.MaxFound+100)
		for name, f := range map[string]store.Filter{
			"word": {Query: "house"}, "beginning": {Query: "hou"}, "by votes": {Query: "house", Sort: store.MostVoted}, "active": {Query: "house", Sort: store.Active},
			"product": {Product: "p"}, "product, by votes": {Product: "p", Sort: store.MostVoted}, "unanswered": {Sort: store.Unanswered},
		} {
			f.Page = 1 << 40
			l, err := s.Threads(t.Context(), f)
			if err != nil || !l.Many || l.Total != store.MaxFound || l.Page != store.MaxFound/store.PageSize || len(l.Threads) != store.PageSize {
				t.Errorf("%s: many %v, %d in all, page %d with %d, %v", name, l.Many, l.Total, l.Page, len(l.Threads), err)
			}
			for _, th := range l.Threads {
				if n, err := strconv.Atoi(th.ID[1:]); err != nil || n <= 100 {
					t.Errorf("%s: thread %s is not among the newest", name, th.ID)
				}
			}
		}
		for query, want := range map[string]int{"unique77": 1, "oak": 300, "oak pine": 0, "unique5": 111} {
			l, err := s.Threads(t.Context(), store.Filter{Query: query})
			if d.Dialect == db.SQLite && query == "unique5" {
				want = 50 // words that begin so
			}
			if err != nil || l.Total != want || l.Many {
				t.Errorf("%s: %d, want %d, %v", query, l.Total, want, err)
			}
		}
		if l, err := s.Threads(t.Context(), store.Filter{Page: 1 << 40}); err != nil || l.Total != store.MaxFound+100 || l.Page != 30 || l.Threads[19].ID != "t1" {
			t.Errorf("all: %d, page %d, %v", l.Total, l.Page, err)
		}
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

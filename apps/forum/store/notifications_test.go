package store_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

var carol = store.Author{Sub: "demo-carol", Name: "Carol Demo"}

// write adds a reply with what it refers to.
func write(t *testing.T, s *store.Store, thread, key string, by store.Author, refs store.References) store.Post {
	t.Helper()
	p, err := s.CreateReply(t.Context(), store.NewReply{Thread: thread, Source: key, Refs: refs, Author: by, FormKey: key, At: began.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told returns the kinds of a person's notifications, newest first, the unread ones with a star.
func told(t *testing.T, s *store.Store, who store.Author) string {
	t.Helper()
	all, total, _, err := s.Inbox(t.Context(), who.Sub, 1)
	if err != nil || total != len(all) {
		t.Fatal(total, err)
	}
	kinds := make([]string, len(all))
	unread := 0
	for i, n := range all {
		if kinds[i] = n.Kind; !n.ReadAt.Set() {
			kinds[i] += "*"
			unread++
		}
	}
	if counts, err := s.Unread(t.Context(), who.Sub); err != nil || counts[who.Sub] != unread {
		t.Errorf("%v unread, want %d, %v", counts, unread, err)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

func TestNotify_EachPersonOnceForAPost(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		var mu sync.Mutex
		changed := map[string]int{}
		s.Changed = func(subs ...string) {
			mu.Lock()
			defer mu.Unlock()
			for _, sub := range subs {
				changed[sub]++
			}
		}
		want := func(who store.Author, kinds string) {
			t.Helper()
			if got := told(t, s, who); got != kinds {
				t.Errorf("%s is told %q, want %q", who.Name, got, kinds)
			}
		}
		opening := begin(t, s, "Told")
		first := write(t, s, opening.Thread, "1", bob, store.References{})
		write(t, s, opening.Thread, "2", carol, store.References{})
		if err := s.Follow(t.Context(), alice.Sub, opening.Thread, true, began); err != nil {
			t.Fatal(err)
		}
		everyone := []string{"alice-demo", "bob-demo", "carol-demo", "nobody"}
		refs := store.References{Mentions: everyone[:1], Linked: everyone, Quotes: []string{first.ID, opening.ID, "none"}}
		p := write(t, s, opening.Thread, "3", carol, refs)
		want(alice, "mention*") // quoted, and a follower, too
		want(bob, "quote*")
		want(carol, "")
		if p, err := s.Post(t.Context(), p.ID); err != nil || p.Mentions != "alice-demo bob-demo carol-demo" {
			t.Errorf("%q, %v", p.Mentions, err)
		}
		// An edit tells only those who were not told.
		edit := store.Edit{Post: p.ID, Author: carol.Sub, Version: 1, Source: "again", Refs: store.References{Mentions: everyone, Linked: everyone[:2]}, At: began.Add(2 * time.Hour)}
		if _, err := s.EditPost(t.Context(), edit); err != nil {
			t.Fatal(err)
		}
		want(alice, "mention*")
		want(bob, "quote*")
		if p, _ := s.Post(t.Context(), p.ID); p.Mentions != "alice-demo bob-demo" {
			t.Errorf("%q", p.Mentions)
		}
		// A followed thread makes one unread notification, however many replies it gets.
		for i := range 3 {
			write(t, s, opening.Thread, fmt.Sprint("more ", i), bob, store.References{})
		}
		want(alice, "mention* reply*")
		if err := s.ReadPosts(t.Context(), alice.Sub, []string{p.ID}, began); err != nil {
			t.Fatal(err)
		}
		want(alice, "mention reply*")
		for _, shown := range []int64{db.Millis(began) - 1, db.Millis(began.Add(time.Hour))} { // what is newer than the page stays unread
			want(alice, "mention reply*")
			if err := s.ReadAll(t.Context(), alice.Sub, shown, began); err != nil {
				t.Fatal(err)
			}
		}
		want(alice, "mention reply")
		write(t, s, opening.Thread, "later", bob, store.References{})
		want(alice, "mention reply reply*")

		// Accepted, taken back, accepted again: one notification.
		for _, accepted := range []bool{true, false, true} {
			if _, err := s.Accept(t.Context(), store.Acceptance{Post: first.ID, By: alice.Sub, Name: alice.Name, Accepted: accepted, At: began}); err != nil {
				t.Fatal(err)
			}
			want(bob, map[bool]string{true: "answer* quote*", false: "quote*"}[accepted])
		}
		// What is removed takes its notifications along; its author is told. Restored, it is the answer again.
		moderate := func(post string, action store.Action) {
			t.Helper()
			if _, err := s.Moderate(t.Context(), store.Moderation{Action: action, Post: post, Actor: carol, Reason: "why", At: began.Add(3 * time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		moderate(first.ID, store.Remove)
		want(bob, "quote* remove*")
		if thread(t, s, opening.Thread).Accepted != "" {
			t.Error("a removed reply is the answer")
		}
		moderate(first.ID, store.Restore)
		want(bob, "quote* remove* restore*")
		if thread(t, s, opening.Thread).Accepted != first.ID {
			t.Error("the restored reply is not the answer")
		}
		if _, err := s.DeletePost(t.Context(), p.ID, carol.Sub, began); err != nil {
			t.Fatal(err)
		}
		want(bob, "remove* restore*")
		want(alice, "reply reply*")
		moderate(first.ID, store.Lock) // is the thread's, not the reply's
		moderate(opening.ID, store.Pin)
		moderate(opening.ID, store.Remove)
		want(alice, "remove*")
		want(bob, "")
		if changed[alice.Sub] == 0 || changed[bob.Sub] == 0 || changed[carol.Sub] != 0 {
			t.Errorf("changed: %v", changed)
		}
	})
}

func TestRestore_KeepsAnAnswerThatWasAcceptedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Answers")
		first, second := reply(t, s, opening.Thread, "1"), reply(t, s, opening.Thread, "2")
		for _, step := range []func() error{
			func() error {
				_, err := s.Accept(t.Context(), store.Acceptance{Post: first.ID, By: alice.Sub, Accepted: true, At: began})
				return err
			},
			func() error {
				_, err := s.Moderate(t.Context(), store.Moderation{Action: store.Remove, Post: first.ID, Actor: carol, At: began})
				return err
			},
			func() error {
				_, err := s.Accept(t.Context(), store.Acceptance{Post: second.ID, By: alice.Sub, Accepted: true, At: began})
				return err
			},
			func() error {
				_, err := s.Moderate(t.Context(), store.Moderation{Action: store.Restore, Post: first.ID, Actor: carol, At: began})
				return err
			},
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		if got := thread(t, s, opening.Thread).Accepted; got != second.ID {
			t.Errorf("the answer is %s", got)
		}
	})
}

func TestNotify_IsBounded(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Bounded")
		var handles []string
		for i := range 15 {
			by := store.Author{Sub: fmt.Sprint("m", i), Name: fmt.Sprintf("Mass %02d", i)}
			write(t, s, opening.Thread, fmt.Sprint("m", i), by, store.References{})
			handles = append(handles, fmt.Sprintf("mass-%02d", i))
		}
		write(t, s, opening.Thread, "carol", carol, store.References{})
		handles = append([]string{"carol-demo"}, handles...)
		write(t, s, opening.Thread, "mass", bob, store.References{Mentions: handles, Linked: handles})
		if n := count(t, d, "notifications"); n != store.MaxMentions {
			t.Errorf("%d people are told", n)
		}
		for i := range store.MaxNotifications + 30 {
			if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO notifications (id, sub, kind, post_id, thread_id, actor_name, at, read_at) VALUES (?, 'u', ?, ?, ?, '', ?, 0)`),
				fmt.Sprint("n", i), fmt.Sprint("k", i), opening.ID, opening.Thread, db.Millis(began)+int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PruneInbox(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		all, total, shown, err := s.Inbox(t.Context(), "u", 1000)
		if err != nil || total != store.MaxNotifications || len(all) != store.PageSize || shown != 10 || all[0].ID != "n49" {
			t.Errorf("%d, %d on page %d, %v, %+v", total, len(all), shown, err, all[0])
		}
		if err := s.CleanUp(t.Context(), began.Add(100*24*time.Hour)); err != nil || count(t, d, "notifications") != 0 {
			t.Error(err)
		}
	})
}

func TestHandles_AreUniqueAndStay(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Handles")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				by := store.Author{Sub: fmt.Sprint("x", i/2), Name: "Zoë  O'Neil"}
				if _, err := s.CreateReply(t.Context(), store.NewReply{Thread: opening.Thread, Source: "x", Author: by, FormKey: fmt.Sprint(i), At: began}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		people, err := s.FindPeople(t.Context(), "@Zoe")
		if err != nil || len(people) != 4 || people[0].Handle != "zoe-o-neil" || people[1].Handle != "zoe-o-neil-2" {
			t.Fatal(people, err)
		}
		write(t, s, opening.Thread, "renamed", store.Author{Sub: people[0].Sub, Name: "Other"}, store.References{})
		if p, err := s.PersonOf(t.Context(), people[0].Sub); err != nil || p.Handle != "zoe-o-neil" || p.Name != "Other" {
			t.Error(p, err)
		}
		for name, want := range map[string]string{"كريم": "member", "!!": "member-2", strings.Repeat("Long ", 30): strings.Repeat("long-", 6)[:29]} {
			by := store.Author{Sub: "sub of " + name[:2], Name: name}
			write(t, s, opening.Thread, name, by, store.References{})
			if p, err := s.PersonOf(t.Context(), by.Sub); err != nil || !strings.HasPrefix(want, p.Handle) && !strings.HasPrefix(p.Handle, "member") {
				t.Error(p, err)
			}
		}
		write(t, s, opening.Thread, "app", store.Author{Sub: "app:x", Name: "App"}, store.References{})
		if _, err := s.PersonOf(t.Context(), "app:x"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		// Posts from before there were handles.
		if _, err := d.ExecContext(t.Context(), `DELETE FROM members`); err != nil {
			t.Fatal(err)
		}
		if err := s.CleanUp(t.Context(), began); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PersonByHandle(t.Context(), "alice-demo"); err != nil {
			t.Error(err)
		}
	})
}

func TestImages_BelongToAPostAndHaveABudget(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		add := func(by string, size int, at time.Time) (string, error) {
			return s.AddImage(t.Context(), store.Image{Sub: by, Type: "image/png", Data: make([]byte, size)}, by, at)
		}
		id, err := add(bob.Sub, 10, began)
		if err != nil {
			t.Fatal(err)
		}
		other, err := add(carol.Sub, 10, began)
		if err != nil {
			t.Fatal(err)
		}
		shown := func(want bool) {
			t.Helper()
			if i, err := s.Image(t.Context(), id); err != nil || i.Shown() != want || len(i.Data) != 10 {
				t.Errorf("shown: %v, want %v, %v", i.Shown(), want, err)
			}
		}
		shown(false)
		opening := begin(t, s, "Images")
		p := write(t, s, opening.Thread, "i", bob, store.References{Images: []string{id, other, "none"}})
		shown(true)
		if i, err := s.Image(t.Context(), other); err != nil || i.Shown() {
			t.Error("a post took another person's image", err)
		}
		edit := func(version int, images ...string) {
			t.Helper()
			if _, err := s.EditPost(t.Context(), store.Edit{Post: p.ID, Author: bob.Sub, Version: version, Source: fmt.Sprint(version), Refs: store.References{Images: images}, At: began}); err != nil {
				t.Fatal(err)
			}
		}
		edit(1)
		shown(false)
		edit(2, id)
		shown(true)
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Remove, Post: opening.ID, Actor: carol, At: began}); err != nil {
			t.Fatal(err)
		}
		shown(false) // with its thread
		if _, err := s.Moderate(t.Context(), store.Moderation{Action: store.Restore, Post: opening.ID, Actor: carol, At: began}); err != nil {
			t.Fatal(err)
		}
		if err := s.CleanUp(t.Context(), began.Add(25*time.Hour)); err != nil {
			t.Fatal(err)
		}
		shown(true)
		if _, err := s.Image(t.Context(), other); !errors.Is(err, store.ErrNotFound) {
			t.Error("an image that no post has stays", err)
		}
		if _, err := s.DeletePost(t.Context(), p.ID, bob.Sub, began.Add(26*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, hours := range []time.Duration{27, 52} { // the undo has passed; a day later
			shown(false)
			if err := s.CleanUp(t.Context(), began.Add(hours*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Image(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Error("an image of a deleted post stays", err)
		}

		// Of concurrent uploads of a day, none exceeds the limits.
		now := began.Add(48 * time.Hour)
		var wg sync.WaitGroup
		for range 25 {
			wg.Go(func() {
				limit := (*db.RateLimitError)(nil)
				if _, err := add("flood", 2, now); err != nil && !errors.As(err, &limit) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := d.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM images WHERE sub = 'flood'`); err != nil || n != 20 {
			t.Errorf("%d images, %v", n, err)
		}
		if _, err := add("flood", 20<<20, now.Add(25*time.Hour)); err != nil {
			t.Error(err)
		}
		if _, err := add("flood", 1, now.Add(25*time.Hour)); !errors.Is(err, store.ErrImages) {
			t.Error(err)
		}
		for _, size := range []int{50 << 20, 100 << 20} { // as if stored on days before
			if _, err := d.ExecContext(t.Context(), d.Rebind(`UPDATE images SET size = ? WHERE sub = 'flood' AND size > 100`), size); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := add("flood", 1, now.Add(60*time.Hour)); !errors.Is(err, store.ErrImages) {
			t.Error(err)
		}
	})
}

func TestPlans_InboxAndImagesFollowAnIndex(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		grow(t, d, 2_000)
		for _, statement := range []string{
			`INSERT INTO posts (id, thread_id, number, author_sub, author_name, source, search, votes, version, form_key, created_at, edited_at, removed_at, removed_by, removed_reason)
				SELECT id, id, 1, 'u', 'U', 's', 's', 0, 1, id, created_at, 0, 0, '', '' FROM threads`,
			`INSERT INTO members (sub, handle, name) SELECT id, 'h-' || id, 'N' FROM threads`,
			`INSERT INTO follows (sub, thread_id, followed_at) SELECT 'u' || CAST(created_at % 50 AS TEXT), id, created_at FROM threads`,
			`INSERT INTO notifications (id, sub, kind, post_id, thread_id, actor_name, at, read_at) SELECT id, 'u' || CAST(created_at % 20 AS TEXT), 'reply', id, id, '', created_at, created_at % 2 FROM threads`,
			`INSERT INTO images (id, sub, post_id, type, size, at, data) SELECT id, 'u' || CAST(created_at % 20 AS TEXT), CASE WHEN created_at % 2 = 0 THEN '' ELSE id END, 't', 1, created_at, '' FROM threads`,
			`ANALYZE`,
		} {
			if _, err := d.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if d.Dialect == db.Postgres {
			if _, err := d.ExecContext(t.Context(), `VACUUM ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		own := map[string]bool{"inbox": true, "surplus": true} // PostgreSQL may sort the few that one person has
		for name, tt := range map[string]struct {
			query string
			args  []any
			index string
		}{
			"inbox":             {store.InboxQuery, []any{"u1", 20, 0}, "notifications_newest"},
			"surplus":           {store.SurplusQuery, []any{"u1", 1000, 200}, "notifications_newest"},
			"unread":            {strings.Replace(store.UnreadQuery, "(?)", "(?, ?)", 1), []any{"u1", "u2"}, "notifications_unread"},
			"unread of posts":   {`SELECT COUNT(*) FROM notifications n WHERE sub = ? AND read_at = 0 AND post_id IN (?, ?)`, []any{"u1", "t1", "t2"}, "notifications_"},
			"mark all":          {`UPDATE notifications SET read_at = ? WHERE sub = ? AND read_at = 0`, []any{1, "u1"}, "notifications_unread"},
			"withdraw":          {`DELETE FROM notifications WHERE post_id = ?`, []any{"t1"}, "notifications_post"},
			"withdraw a thread": {`DELETE FROM notifications WHERE thread_id = ?`, []any{"t1"}, "notifications_thread"},
			"old":               {`DELETE FROM notifications WHERE at < ?`, []any{1}, "notifications_at"},
			"followers":         {store.FollowersQuery, []any{"t1", 500}, "follows_thread"},
			"find people":       {store.FindPeopleQuery, []any{"h-t1", "h-t1~", 8}, "sqlite_autoindex_members_2|members_handle_key"},
			"images":            {store.StoredQuery, []any{"u1", 0}, "images_sub"},
			"detach":            {`UPDATE images SET post_id = '' WHERE post_id = ? AND post_id <> '' AND id NOT IN (?)`, []any{"t1", "x"}, "images_post"},
			"forgotten images":  {`DELETE FROM images WHERE post_id = '' AND at < ?`, []any{1}, "images_waiting"},
		} {
			p := plan(t, d, tt.query, tt.args...)
			if full := scanned.FindString(p); full != "" || sorted.MatchString(p) && !own[name] || !indexed(tt.index, p) {
				t.Errorf("%s reads too much (%s):\n%s", name, full, p)
			}
		}
	})
}

var scanned = regexp.MustCompile(`(?m)SCAN (n|p|t|f|m|i|notifications|members|images|follows|posts|threads)$|Seq Scan`)

func indexed(index, plan string) bool { return regexp.MustCompile(index).MatchString(plan) }

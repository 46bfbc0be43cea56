package forum_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

func TestDraft_SurvivesSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		thread, _ := h.person("alice").begin("A thread to answer", "A text")
		guest := h.guest()
		key := guest.get(thread).key(t)
		before := h.rows()
		form := "key=" + key + "&body=Half+a+%3Cthought%3E"
		p := guest.do(http.MethodPost, thread+"/reply", "application/x-www-form-urlencoded", form, "Referer", "http://forum.house.test"+thread).want(t, 303)
		p = guest.throughPortal(p.location).want(t, 303)
		if p.location != thread || h.rows() != before {
			t.Fatal(p.location, h.rows()-before)
		}
		back := guest.get(thread).want(t, 200, "Half a &lt;thought&gt;")
		if back.key(t) != key {
			t.Fatal("another form came back")
		}
		guest.get(thread).want(t, 200).without(t, "Half a") // given once
		guest.post(thread+"/reply", "key", key, "body", "A whole thought").want(t, 303)
		h.guest().get(thread).want(t, 200, "A whole thought", "Late Riser")
	})
}

func TestDraft_LongestPostSurvivesSignIn(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	thread, _ := h.person("alice").begin("A thread to answer", "A text")
	guest := h.guest()
	long := strings.Repeat("語", 20_000)
	form := url.Values{"key": {guest.get(thread).key(t)}, "body": {long}}.Encode()
	p := guest.do(http.MethodPost, thread+"/reply", "application/x-www-form-urlencoded", form, "Referer", "http://forum.house.test"+thread).want(t, 303)
	guest.throughPortal(p.location).want(t, 303)
	guest.get(thread).want(t, 200, long)
}

func TestVote_BehindTheSignInIsNotCountedAndSaysSo(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	thread, post := h.person("alice").begin("A thread to vote for", "A text")
	guest := h.guest()
	before := h.rows()
	p := guest.do(http.MethodPost, "/posts/"+post+"/vote", "application/x-www-form-urlencoded", "value=1", "Referer", "http://forum.house.test"+thread).want(t, 303)
	guest.throughPortal(p.location).want(t, 303)
	guest.get(thread).want(t, 200, "Please vote again")
	guest.get(thread).want(t, 200).without(t, "Please vote again")
	if h.rows() != before {
		t.Errorf("%d rows more", h.rows()-before)
	}
}

func TestPreview_StoresNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		thread, post := alice.begin("A thread to answer", "A text")
		before := h.rows()
		alice.post(thread+"/preview", "body", "So **bold**").want(t, 200, "<strong>bold</strong>", "So **bold**", "Preview")
		alice.do("POST", thread+"/preview", "application/x-www-form-urlencoded", "body=So+**bold**", "HX-Request", "true").
			want(t, 200, "<strong>bold</strong>").without(t, "<html")
		alice.post("/new/preview", "title", "My title", "body", "# Head").want(t, 200, "<h3>Head</h3>", "My title")
		alice.post("/posts/"+post+"/edit/preview", "title", "T", "body", "~~x~~", "version", "1").want(t, 200, "<del>x</del>", `name="version" value="1"`)
		alice.do("POST", thread+"/preview", "application/x-www-form-urlencoded", "body=", "HX-Request", "true").want(t, 200, "nothing to preview")
		long := strings.Repeat("a **b** ", 2501) // 20,008 characters
		for _, path := range []string{thread + "/preview", "/new/preview", "/posts/" + post + "/edit/preview"} {
			alice.post(path, "body", long, "title", "My title", "version", "1").want(t, 200, "The limit is").without(t, "<strong>b</strong>")
			alice.do("POST", path, "application/x-www-form-urlencoded", "body="+long, "HX-Request", "true").want(t, 200, "The limit is").without(t, "<strong>")
		}
		if p := alice.get(thread+"/preview").want(t, 303); p.location != thread {
			t.Fatal(p.location)
		}
		if h.rows() != before {
			t.Fatal("a preview was stored")
		}
	})
}

// Rendering costs time, so it takes a sign-in; what a guest wrote is kept across it.
func TestPreview_TakesASignIn(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	thread, post := h.person("alice").begin("A thread to answer", "A text")
	for _, path := range []string{thread + "/preview", "/new/preview", "/posts/" + post + "/edit/preview"} {
		h.guest().do("POST", path, "application/x-www-form-urlencoded", "body=So+**bold**", "HX-Request", "true").without(t, "<strong>")
		guest := h.guest()
		p := guest.do(http.MethodPost, path, "application/x-www-form-urlencoded", "body=So+**bold**", "Referer", "http://forum.house.test"+thread).want(t, 303)
		if !strings.HasPrefix(p.location, "http://portal.house.test/") {
			t.Errorf("%s leads to %s", path, p.location)
		}
		if path == thread+"/preview" {
			guest.throughPortal(p.location).want(t, 303)
			guest.get(thread).want(t, 200, "So **bold**", "Your text is in the form")
		}
	}
}

// A flood of threads ends at the limit; what was typed comes back with how long to wait.
func TestCreate_IsRateLimited(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		send := func(n int) page {
			return alice.post("/new", "key", alice.get("/new").key(t), "board", "products", "title", fmt.Sprint("A thread, number ", n), "body", "Some words")
		}
		for n := range 20 {
			send(n).want(t, 303)
		}
		before := h.rows()
		p := send(21).want(t, 429, "Try again in ", "Some words", "A thread, number 21")
		if s, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || s < 1 || s > 600 || h.rows() != before {
			t.Errorf("Retry-After %q, %d rows more", p.header.Get("Retry-After"), h.rows()-before)
		}
		h.pass(10 * time.Minute)
		send(21).want(t, 303)
	})
}

func TestEdit_OwnPostsAreMarkedAndConflictsShowBoth(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		thread, post := alice.begin("A thread to edit", "First words")
		alice.get("/posts/"+post+"/edit").want(t, 200, "First words", `name="version" value="1"`)
		alice.post("/posts/"+post+"/edit", "title", "A better title", "body", "Second words", "version", "1").want(t, 303)
		h.guest().get(thread).want(t, 200, "Second words", "A better title", "edited")
		alice.post("/posts/"+post+"/edit", "title", "A third title", "body", "Words from the other tab", "version", "1").
			want(t, 409, "Second words", "Words from the other tab", `name="version" value="2"`)
		h.guest().get(thread).want(t, 200, "Second words")
		alice.post("/posts/"+post+"/edit", "title", "A third title", "body", "Words from the other tab", "version", "2").want(t, 303)
		bob := h.person("bob", "moderator")
		bob.get("/posts/"+post+"/edit").want(t, 403)
		bob.post("/posts/"+post+"/edit", "title", "Taken over", "body", "x", "version", "3").want(t, 403)
		alice.get("/posts/none/edit").want(t, 404)
		h.guest().get(thread).want(t, 200, "Words from the other tab")
	})
}

func TestModeration_RolesAreEnforcedAndAllIsUndoable(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice", "customer"), h.person("bob", "moderator")
		thread, first := alice.begin("Buy my wonderful things", "Cheap, wonderful")
		second := alice.reply(thread, "Really very unusualword")
		alice.post("/posts/"+first+"/moderate", "action", "pin").want(t, 403, "moderator or admin")
		alice.get("/moderation").want(t, 403)
		alice.get(thread).want(t, 200).without(t, "Pin", "Remove thread")
		bob.get("/moderation").want(t, 200, "No moderation yet")
		act := func(post string, fields ...string) {
			t.Helper()
			bob.post("/posts/"+post+"/moderate", fields...).want(t, 303)
		}
		act(first, "action", "pin")
		act(first, "action", "lock")
		h.guest().get("/").want(t, 200, "Pinned", "Locked")
		key := strings.Repeat("A", 26)
		alice.post(thread+"/reply", "key", key, "body", "Too late a reply").want(t, 409, "This thread is locked", "Too late a reply")
		alice.post("/posts/"+first+"/edit", "title", "Another title", "body", "Too late an edit", "version", "1").want(t, 409, "Too late an edit")
		act(first, "action", "unlock")
		act(first, "action", "unpin")

		bob.post("/posts/"+second+"/moderate", "action", "remove").want(t, 422)
		act(second, "action", "remove", "reason", "An <advertisement>")
		h.guest().get(thread).want(t, 200, "An &lt;advertisement&gt;", "Removed by a moderator").without(t, "unusualword")
		bob.get(thread).want(t, 200, "unusualword", "Restore")
		h.guest().get("/search?q=unusualword").want(t, 200, "No threads found")
		alice.post("/posts/"+second+"/vote", "value", "1").want(t, 410)
		alice.get("/posts/"+second+"/edit").want(t, 410)
		act(second, "action", "restore")
		h.guest().get("/search?q=unusualword").want(t, 200, "1 thread found")

		act(first, "action", "remove", "reason", "Selling")
		h.guest().get(thread).want(t, 410, "This thread was removed")
		h.guest().get("/").want(t, 200).without(t, "wonderful")
		bob.get(thread).want(t, 200, "This thread was removed")
		alice.post(thread+"/reply", "key", key, "body", "x").want(t, 410)
		act(first, "action", "restore")
		h.guest().get(thread).want(t, 200, "wonderful")
		bob.get("/moderation").want(t, 200, "Selling", "Buy my wonderful things", "Restored", "Bob")
		h.person("root", "admin").get("/moderation").want(t, 200)
	})
}

func TestStaffBoard_TakesThreadsFromModeratorsOnly(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		send := func(v *visitor) page {
			return v.post("/new", "key", v.get("/new").key(t), "board", "house", "title", "An announcement", "body", "A text")
		}
		send(h.person("alice", "customer")).want(t, 422, "Only moderators")
		send(h.person("bob", "moderator")).want(t, 303)
	})
}

func TestLongThread_HasPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		thread, _ := alice.begin("A long thread", "The opening")
		for i := range 24 {
			key := fmt.Sprintf("%026d", i)
			key = strings.NewReplacer("0", "A", "1", "B", "8", "C", "9", "D").Replace(key)
			alice.post(thread+"/reply", "key", key, "body", fmt.Sprintf("Reply no. %d", i)).want(t, 303)
		}
		h.guest().get(thread).want(t, 200, "Reply no. 18").without(t, "Reply no. 19")
		h.guest().get(thread+"?page=2").want(t, 200, "Reply no. 19", "Reply no. 23").without(t, "The opening")
		h.guest().get(thread+"?page=77777").want(t, 200, "Reply no. 23")
		if p := h.guest().get("/posts/"+h.postID(thread, 25)).want(t, 303); p.location != thread+"?page=2#post-25" {
			t.Fatal(p.location)
		}
	})
}

package forum_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

func TestPosting_LandsWhereItIsSeen(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	alice := h.person("alice")
	p := alice.post("/new", "key", alice.get("/new").key(t), "board", "products", "title", "A question of hinges", "body", "Which?").want(t, 303)
	if strings.Contains(p.location, "#") {
		t.Errorf("landed at %s", p.location)
	}
	if p := alice.post(p.location+"/reply", "key", alice.get(p.location).key(t), "body", "These.").want(t, 303); !strings.HasSuffix(p.location, "#post-2") {
		t.Errorf("landed at %s", p.location)
	}
}

func TestDelete_AsksAndCanBeUndone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob, mod := h.person("alice"), h.person("bob"), h.person("mod", "moderator")
		thread, first := alice.begin("A question of hinges", "Which ones, unusualword?")
		second := bob.reply(thread, "The otherword ones.")
		alice.get(thread).want(t, 200, "/posts/"+first+"/delete").without(t, "/posts/"+second+"/delete")
		alice.get("/posts/"+first+"/delete").want(t, 200, "Delete your post?", "unusualword", "with its title and replies")
		bob.get("/posts/"+first+"/delete").want(t, 403)
		bob.post("/posts/"+first+"/delete").want(t, 403)
		h.guest().get("/posts/"+first+"/delete").want(t, 302)

		if p := alice.post("/posts/"+first+"/delete").want(t, 303); p.location != thread {
			t.Errorf("led to %s", p.location)
		}
		alice.get(thread).want(t, 200, "You deleted this post", "/posts/"+first+"/undelete")
		bob.get(thread).want(t, 200, "Deleted by its author", "The otherword ones.", "A question of hinges").without(t, "unusualword", "undelete", "Alice")
		mod.get(thread).want(t, 200, "Deleted by its author", "Show the post by <bdi>Alice</bdi>", "unusualword").without(t, `value="restore"`)
		h.guest().get("/").want(t, 200, "A question of hinges", "Deleted by its author").without(t, "Alice")
		alice.get("/posts/"+first+"/edit").want(t, 410, "Its author deleted this post.")
		bob.post("/posts/"+first+"/vote", "value", "1").want(t, 410, "Its author deleted this post.")
		bob.get("/posts/"+first+"/report").want(t, 410)
		bob.post("/posts/"+first+"/undelete").want(t, 403)
		alice.post("/posts/"+first+"/undelete").want(t, 303)
		h.guest().get(thread).want(t, 200, "unusualword", "Alice")

		bob.post("/posts/"+second+"/delete").want(t, 303)
		alice.get(thread).want(t, 200, "Deleted by its author", "0 replies").without(t, "otherword")
		h.pass(10 * time.Minute)
		bob.get(thread).want(t, 200, "Deleted by its author").without(t, "undelete")
		bob.post("/posts/"+second+"/undelete").want(t, 410, "10 minutes")

		// Without a reply that is shown, the thread goes with its opening post.
		alice.get("/posts/"+first+"/delete").want(t, 200, "Delete your thread?", "it will disappear")
		alice.post("/posts/"+first+"/delete").want(t, 303)
		alice.get(thread).want(t, 200, "This thread was deleted", "undelete")
		bob.get(thread).want(t, 410, "Its author deleted this thread.")
		mod.get(thread).want(t, 200, "Its author deleted it", "unusualword")
		bob.post(thread+"/reply", "body", "x").want(t, 410)
		h.guest().get("/").want(t, 200).without(t, "A question of hinges")
		h.pass(10 * time.Minute)
		alice.get(thread).want(t, 410)
	})
}

func TestQuote_BeginsTheReply(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	thread, first := h.person("alice").begin("A question of hinges", "Which **ones**?\n\n- brass\n- steel")
	other, _ := h.person("alice").begin("Another question", "Which?")
	link := thread + "?quote=" + first + "#body"
	h.guest().get(thread).want(t, 200, link, "Quote")
	text := "&gt; [Alice](/posts/" + first + ") wrote:\n&gt;\n&gt; Which **ones**?\n&gt; \n&gt; - brass\n&gt; - steel\n\n</textarea>"
	h.guest().get(thread+"?quote="+first).want(t, 200, text, "data-focus")
	for _, path := range []string{other + "?quote=" + first, thread + "?quote=none", thread + "?quote=%00"} {
		h.guest().get(path).want(t, 200).without(t, "wrote:")
	}
	bob := h.person("bob")
	bob.post(thread+"/reply", "key", bob.get(thread).key(t), "body", "> [Alice](/posts/"+first+") wrote:\n>\n> Which **ones**?\n\nBrass.").want(t, 303)
	h.guest().get(thread).want(t, 200, "<blockquote>\n<p><a href=\"/posts/"+first+"\"")
}

func TestAccept_IsForTheAuthorAndModerators(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob, mod := h.person("alice"), h.person("bob"), h.person("mod", "moderator")
		thread, first := alice.begin("A question of hinges", "Which ones?")
		second, third := bob.reply(thread, "These."), bob.reply(thread, "Those, uniquely.")
		bob.get(thread).want(t, 200).without(t, "Mark as answer")
		bob.post("/posts/"+third+"/accept", "accept", "1").want(t, 403)
		alice.get(thread).want(t, 200, "Mark as answer")
		alice.post("/posts/"+first+"/accept", "accept", "1").want(t, 422)
		alice.post("/posts/"+third+"/accept", "accept", "2").want(t, 400)
		if p := alice.post("/posts/"+third+"/accept", "accept", "1").want(t, 303); p.location != thread+"#post-3" {
			t.Errorf("led to %s", p.location)
		}
		p := h.guest().get(thread).want(t, 200, "Accepted answer", "Go to the reply", "Answered")
		if n := strings.Count(p.body, "Those, uniquely."); n != 2 {
			t.Errorf("the answer is there %d times", n)
		}
		h.guest().get("/").want(t, 200, "Answered")
		mod.post("/posts/"+second+"/accept", "accept", "1").want(t, 303)
		h.guest().get(thread).want(t, 200, "Accepted answer").without(t, "Go to the reply") // it is the first reply
		alice.post("/posts/"+second+"/accept", "accept", "0").want(t, 303)
		h.guest().get(thread).want(t, 200).without(t, "Accepted answer", "Answered")
		alice.post("/posts/"+third+"/accept", "accept", "1").want(t, 303)
		bob.post("/posts/"+third+"/delete").want(t, 303)
		h.guest().get(thread).want(t, 200).without(t, "Accepted answer", "uniquely")
		alice.post("/posts/"+third+"/accept", "accept", "1").want(t, 410)
	})
}

func TestUnread_IsMarkedForWhomHasRead(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice"), h.person("bob")
		thread, _ := alice.begin("A question of hinges", "Which ones?")
		alice.get(thread)
		alice.get("/").want(t, 200).without(t, " new<")
		for i := range 21 {
			bob.reply(thread, fmt.Sprint("Reply number ", i))
		}
		link := `href="` + thread + `#post-2"`
		alice.get("/").want(t, 200, "21 new", link)
		alice.get("/b/products").want(t, 200, "21 new")
		alice.get("/search?q=hinges").want(t, 200, "21 new")
		h.guest().get("/").want(t, 200).without(t, "21 new")
		h.person("carol").get("/").want(t, 200).without(t, "21 new") // who has not read it
		alice.get(thread).want(t, 200, "First unread, 21 new", link)
		alice.get("/").want(t, 200, "2 new", `href="`+thread+`?page=2#post-21"`)
		alice.get(thread+"?page=2").want(t, 200, "First unread, 2 new")
		alice.get(thread).want(t, 200).without(t, "First unread")
		alice.get("/").want(t, 200).without(t, "2 new")
		// A page that can't be marked as read is shown.
		bob.reply(thread, "One more")
		for _, statement := range []string{`DELETE FROM reads`, `ALTER TABLE reads ADD COLUMN more INTEGER CHECK (number < 3)`} {
			if _, err := h.db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		alice.get(thread+"?page=2").want(t, 200, "One more")
	})
}

func TestFollow_CountsNewRepliesInTheHeader(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice"), h.person("bob")
		thread, first := alice.begin("A question of hinges", "Which ones?")
		bob.get("/following").want(t, 200, "You don&#39;t follow a thread yet")
		h.guest().get(thread).want(t, 200).without(t, "/follow")
		h.guest().get("/following").want(t, 302)
		bob.post(thread+"/follow", "follow", "2").want(t, 400)
		bob.post("/t/none/follow", "follow", "1").want(t, 404)
		if p := bob.post(thread+"/follow", "follow", "1").want(t, 303); p.location != thread {
			t.Errorf("led to %s", p.location)
		}
		guest := h.guest()
		p := guest.do(http.MethodPost, thread+"/follow", "application/x-www-form-urlencoded", "follow=1", "Referer", "http://forum.house.test"+thread).want(t, 303)
		guest.throughPortal(p.location).want(t, 303)
		guest.get(thread).want(t, 200, "Please try that again", "Follow").without(t, "Stop following")
		bob.get(thread).want(t, 200, "Stop following", "You follow this thread").without(t, `class="count"`)
		alice.reply(thread, "These.")
		bob.get("/").want(t, 200, `<span class="count">1</span>`)
		bob.get("/following").want(t, 200, "A question of hinges", "1 new")
		bob.get(thread).want(t, 200).without(t, `class="count"`)
		bob.post(thread+"/follow", "follow", "0").want(t, 303)
		bob.get("/following").want(t, 200).without(t, "A question of hinges")
		h.person("mod", "moderator").post("/posts/"+first+"/moderate", "action", "remove", "reason", "Why").want(t, 303)
		bob.post(thread+"/follow", "follow", "1").want(t, 410)
	})
}

// The form of a report shows the post, so it must not show what the thread's page hides.
func TestReports_ShowNoReplyOfARemovedThread(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice"), h.person("bob")
		thread, first := alice.begin("Buy my things", "Cheap things")
		reply := alice.reply(thread, "A secret of mine")
		bob.get("/posts/"+reply+"/report").want(t, 200, "A secret of mine")
		h.person("mod", "moderator").post("/posts/"+first+"/moderate", "action", "remove", "reason", "Why").want(t, 303)
		bob.get("/posts/"+reply+"/report").want(t, 410).without(t, "A secret of mine")
		bob.post("/posts/"+reply+"/report", "reason", " ").want(t, 410).without(t, "A secret of mine")
	})
}

func TestReports_GoThroughTheQueue(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob, mod := h.person("alice"), h.person("bob"), h.person("mod", "moderator")
		thread, first := alice.begin("Buy my things", "Cheap things")
		second := bob.reply(thread, "Even cheaper")
		alice.get(thread).want(t, 200, "/posts/"+second+"/report").without(t, "/posts/"+first+"/report")
		bob.get("/posts/"+first+"/report").want(t, 200, "Report a post", "Cheap things")
		alice.get("/posts/"+first+"/report").want(t, 403)
		alice.post("/posts/"+first+"/report", "reason", "x").want(t, 403)
		bob.post("/posts/"+first+"/report", "reason", " ").want(t, 422, "Say what is wrong")
		bob.post("/posts/"+first+"/report", "reason", strings.Repeat("long ", 101)).want(t, 422, "The limit is 500", "long long")
		bob.post("/posts/"+first+"/report", "reason", "a", "reason", "b").want(t, 400)
		bob.post("/posts/"+first+"/report", "reason", "It's <advertising>").want(t, 303)
		bob.get(thread).want(t, 200, "A moderator will look at the post.")
		bob.post("/posts/"+first+"/report", "reason", "Again").want(t, 303)
		bob.get(thread).want(t, 200, "already reported")
		alice.post("/posts/"+second+"/report", "reason", "Even worse").want(t, 303)
		bob.get("/moderation/reports").want(t, 403)

		mod.get("/").want(t, 200, `<span class="count">2</span>`)
		mod.get("/moderation/reports").want(t, 200, "It&#39;s &lt;advertising&gt;", "Reported by <bdi>Bob</bdi>", "Cheap things", "Even worse")
		if p := mod.post("/posts/"+first+"/moderate", "action", "dismiss", "from", "reports").want(t, 303); p.location != "/moderation/reports" {
			t.Errorf("led to %s", p.location)
		}
		mod.get("/moderation/reports").want(t, 200, "The reports are dismissed", "Even worse").without(t, "advertising")
		mod.post("/posts/"+second+"/moderate", "action", "remove", "from", "reports").want(t, 422)
		mod.post("/posts/"+second+"/moderate", "action", "remove", "from", "reports", "reason", "Selling").want(t, 303)
		mod.get("/moderation/reports").want(t, 200, "No open reports").without(t, `class="count"`)
		mod.get("/moderation").want(t, 200, "Reports dismissed", "Selling")
		h.guest().get(thread).want(t, 200, "Cheap things", "Selling").without(t, "Even cheaper")
	})
}

func TestMember_PageIsPublic(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.buyers["latch"] = []string{"bob"}
		alice, bob := h.person("alice"), h.person("bob")
		thread, _ := alice.begin("About the latch", "Does it close?", "product", "latch")
		second := bob.reply(thread, "It does, unusualword.")
		bob.begin("A thread without a product", "Nothing")
		h.guest().get(thread).want(t, 200, `href="/u/bob"`)
		p := h.guest().get("/u/bob").want(t, 200, "Bob", "Posting here since", "unusualword", "About the latch", "A thread without a product")
		if n := strings.Count(p.body, "Verified buyer"); n != 1 {
			t.Errorf("%d badges", n)
		}
		h.guest().get("/u/alice").want(t, 200, "Does it close?").without(t, "Verified buyer", "unusualword")
		bob.post("/posts/"+second+"/delete").want(t, 303)
		h.guest().get("/u/bob?page=99").want(t, 200).without(t, "unusualword")
		for _, path := range []string{"/u/none", "/u/app:academy", "/u/%00", "/u/a%20b"} {
			h.guest().get(path).want(t, http.StatusNotFound)
		}
		h.setDown(true)
		h.pass(2 * time.Minute)
		h.guest().get("/u/alice").want(t, 200, "The shop is unavailable")
	})
}

package forum_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/forum"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

func TestNew_RefusesMissingParts(t *testing.T) {
	d := env.DB(t, "forum")
	rdb := env.MiniRedis(t)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for name, deps := range map[string]forum.Deps{
		"database": {Redis: rdb, Logger: log, HTTPClient: http.DefaultClient},
		"redis":    {DB: d, Logger: log, HTTPClient: http.DefaultClient},
		"logger":   {DB: d, Redis: rdb, HTTPClient: http.DefaultClient},
		"client":   {DB: d, Redis: rdb, Logger: log},
		"estate":   {DB: d, Redis: rdb, Logger: log, HTTPClient: http.DefaultClient},
	} {
		if _, err := forum.New(t.Context(), deps); err == nil {
			t.Errorf("without %s: no error", name)
		}
	}
}

func TestDemo_SowsOnceForReplicasThatStartTogether(t *testing.T) {
	env.EachDB(t, "forum", func(t *testing.T, d *db.DB) {
		rdb := env.MiniRedis(t)
		houses := make([]*house, 3)
		var wg sync.WaitGroup
		for i := range houses {
			wg.Go(func() { houses[i] = newHouse(t, d, rdb, true) })
		}
		wg.Wait()
		var threads int
		if err := d.GetContext(t.Context(), &threads, `SELECT COUNT(*) FROM threads`); err != nil || threads != 22 {
			t.Fatal(threads, err)
		}
		h := houses[0]
		h.guest().get("/").want(t, 200, "House rules", "Pinned", "Garden &amp; outdoors", "Sap on the secateurs")
		h.guest().get("/?sort=unanswered").want(t, 200, "Sap on the secateurs").without(t, "Verified buyer", "Squeaking")
		h.guest().get("/b/house").want(t, 200, "Locked").without(t, "New thread")
		h.guest().get("/t/verified-buyer-badge").want(t, 200, "This thread is locked")
		h.guest().get("/?page=2").want(t, 200, "21–22 of 22")
		h.guest().get("/?page=999999").want(t, 200, "21–22 of 22")
	})
}

func TestReading_NeedsNoSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.guest().get("/").want(t, 200, "No threads yet")
		thread, post := h.person("alice").begin("How does it close?", "It **does not** close <b>well</b>")
		h.guest().get(thread).want(t, 200, "<strong>does not</strong>", "&lt;b&gt;well", "Alice", "be asked to sign in")
		h.guest().get("/search?q=CLOSE").want(t, 200, "1 thread found", "<mark")
		h.person("alice").begin("Another", strings.Repeat("Unhinged öffnet. ", 400)+"The hinges squeak. "+strings.Repeat("Nothing else. ", 400))
		h.guest().get("/search?q=hinge").want(t, 200, "1 thread found", "… ", ">hinges</mark> squeak", " …").without(t, "hinged</mark>")
		h.guest().get("/search?q=nothing+of+that").want(t, 200, "No threads found")
		h.guest().get("/search?q=close", "HX-Request", "true").want(t, 200, "<mark").without(t, "<html")
		if p := h.guest().get("/posts/"+post).want(t, 303); p.location != thread {
			t.Fatal(p.location)
		}
		for _, path := range []string{"/new", "/mine", "/moderation", "/posts/" + post + "/edit"} {
			if p := h.guest().get(path).want(t, 302); !strings.HasPrefix(p.location, "http://portal.house.test/oauth/authorize?") {
				t.Fatal(path, p.location)
			}
		}
	})
}

func TestWriting_ThreadReplyVoteAndOwnPosts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice"), h.person("bob")
		thread, first := alice.begin("A question of hinges", "Which ones?")
		alice.get(thread).want(t, 200, "Your thread has been posted.").want(t, 200, "A question of hinges")
		second := bob.reply(thread, "The heavy ones.")
		if p := alice.post("/posts/"+second+"/vote", "value", "1").want(t, 303); p.location != thread+"#post-2" {
			t.Fatal(p.location)
		}
		alice.get(thread).want(t, 200, `aria-pressed="true"`, "1 vote")
		box := bob.do("POST", "/posts/"+first+"/vote", "application/x-www-form-urlencoded", "value=1", "HX-Request", "true").want(t, 200, `aria-pressed="true"`)
		if strings.Contains(box.body, "<html") {
			t.Fatal("a whole page in place of a vote")
		}
		bob.do("POST", "/posts/"+first+"/vote", "application/x-www-form-urlencoded", "value=0", "HX-Request", "true").want(t, 200, `aria-pressed="false"`)
		alice.post("/posts/"+first+"/vote", "value", "1").want(t, 403)
		bob.get("/mine").want(t, 200, "The heavy ones.", "A question of hinges").without(t, "Which ones?")
		h.person("carol").get("/mine").want(t, 200, "You haven&#39;t posted yet")
		if p := bob.get("/posts/a%01%0D%0Ab/vote").want(t, 303); p.location != "/posts/a%01%0D%0Ab" {
			t.Errorf("led to %q", p.location)
		}
		if p := bob.get("/posts/"+first+"/vote").want(t, 303); p.location != "/posts/"+first {
			t.Fatal(p.location)
		}
	})
}

func TestReply_TwiceSentIsPostedOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		thread, _ := alice.begin("Double clicks", "A text")
		key := alice.get(thread).key(t)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				alice := h.person("alice")
				alice.post(thread+"/reply", "key", key, "body", "Once").want(t, 303)
			})
		}
		wg.Wait()
		alice.get(thread).want(t, 200, "1 reply")
	})
}

func TestSession_RedisAwayKeepsReading(t *testing.T) {
	d := env.DB(t, "forum")
	rdb := env.MiniRedis(t)
	h := newHouse(t, d, rdb, false)
	alice := h.person("alice")
	thread, _ := alice.begin("While Redis sleeps", "A text")
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: 200 * time.Millisecond})
	t.Cleanup(func() { away.Close() })
	sleeping := newHouse(t, d, away, false)
	alice.h = sleeping
	alice.get(thread).want(t, 200, "While Redis sleeps")
	if p := alice.get("/new").want(t, 503); p.header.Get("Retry-After") == "" {
		t.Fatal("no Retry-After")
	}
}

package forum_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

func TestVerifiedBuyer_IsAskedOnceForAPageAndRemembered(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	h.buyers["latch"] = []string{"bob"}
	alice, bob, carol := h.person("alice"), h.person("bob"), h.person("carol")
	thread, _ := alice.begin("About the latch", "Does it hold?", "product", "latch")
	bob.reply(thread, "It does.")
	carol.reply(thread, "Good to know.")
	h.asked = nil
	h.pass(11 * time.Second) // what was learnt while they wrote is old now

	p := h.guest().get(thread).want(t, 200, "Verified buyer", "Brass &lt;Latch&gt;", `href="http://shop.house.test/products/latch"`)
	if n := strings.Count(p.body, "Verified buyer"); n != 1 {
		t.Fatalf("%d badges", n)
	}
	if len(h.asked) != 1 || len(h.asked[0]["sub"]) > 3 {
		t.Fatal(h.asked)
	}
	if h.bearers[0] != "Bearer token-of-the-forum" || h.requested[0] != "client_credentials http://shop.house.test purchases:read" || len(h.requested) != 1 {
		t.Fatal(h.bearers, h.requested)
	}
	h.guest().get(thread).want(t, 200, "Verified buyer")
	if len(h.asked) != 1 {
		t.Fatal("asked again within ten seconds")
	}
	h.buyers["latch"] = []string{"bob", "alice"}
	h.pass(11 * time.Second)
	p = h.guest().get(thread)
	if n := strings.Count(p.body, "Verified buyer"); n != 2 || len(h.asked) != 2 {
		t.Fatalf("%d badges, asked %d times", n, len(h.asked))
	}
}

func TestVerifiedBuyer_ShopAwayShowsThePageWithoutBadges(t *testing.T) {
	h := newHouse(t, env.DB(t, "forum"), env.MiniRedis(t), false)
	h.buyers["latch"] = []string{"alice"}
	thread, _ := h.person("alice").begin("About the latch", "Does it hold?", "product", "latch")
	h.setDown(true)
	h.guest().get(thread).want(t, 200, "Does it hold?", "The shop is unavailable right now").without(t, "badge-success")
	h.setDown(false)
	h.guest().get(thread).want(t, 200, "The shop is unavailable right now") // it is left alone for a moment
	h.pass(4 * time.Second)
	h.guest().get(thread).want(t, 200, "Verified buyer").without(t, "The shop is unavailable right now")
}

func TestProduct_IsNamedByTheShop(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		alice.get("/new?product=latch").want(t, 200, "This thread is about: Brass &lt;Latch&gt;")
		alice.get("/new?product=none").want(t, 200, "doesn&#39;t sell this product").without(t, "This thread is about")
		alice.get("/new?product=../../etc").want(t, 200, "doesn&#39;t sell this product")
		before := h.rows()
		fields := []string{"key", strings.Repeat("K", 26), "board", "products", "title", "About the latch", "body", "A text worth keeping"}
		alice.post("/new", append(fields, "product", "none")...).want(t, 422, "A text worth keeping", "doesn&#39;t sell this product")
		h.setDown(true)
		alice.post("/new", append(fields, "product", "latch")...).want(t, 422, "A text worth keeping", "is unavailable right now")
		if h.rows() != before {
			t.Fatal("something was stored")
		}
		h.setDown(false)
		p := alice.post("/new", append(fields, "product", "latch")...).want(t, 303)
		thread, _, _ := strings.Cut(p.location, "#")
		h.guest().get(thread).want(t, 200, "Brass &lt;Latch&gt;")
		h.guest().get("/search?product=latch").want(t, 200, "Threads about Brass &lt;Latch&gt;")
	})
}

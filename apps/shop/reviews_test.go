package shop_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestReviews_WriteEditDeleteRemove(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const page, form = "/products/enamel-kettle", "/products/enamel-kettle/review" // alice bought it and has not reviewed it
		guest, alice, carol, mod := h.browser(), h.browser(), h.browser(), h.browser()
		alice.signIn("demo-alice", "Alice Demo")
		carol.signIn("demo-carol", "Carol Demo")
		mod.signIn("demo-bob", "Bob Demo", "moderator")

		guest.want(guest.get("/?stars=4&sort=rating"), 200, "5 products found", "Rated 4.5 out of 5, 2 reviews", "4 stars and up", "Best rated")
		guest.want(guest.get("/?q=brass&stars=4"), 200, "3 products found")
		guest.want(guest.get(page), 200, "There are no reviews yet.", "Sign in to review it")
		guest.want(guest.get(form), 302)
		carol.want(carol.get(page), 200, "Only buyers can review this product")
		carol.want(carol.get(form), 403, "Only buyers can review this product")
		good := url.Values{"stars": {"4"}, "title": {"Boils <b>fast</b>"}, "body": {"First line\r\n\r\n\r\n\r\nSecond line"}}
		carol.want(carol.post(form, good), 403, "Only buyers can review this product")
		alice.want(alice.get(page), 200, "Write a review")
		alice.want(alice.get("/products/none/review"), 404)

		for fault, bad := range map[string]url.Values{
			"Choose how many stars you give.":                        with(good, "stars", ""),
			"Enter a title.":                                         with(good, "title", " \u200b "),
			"This is 81 characters long. The limit is 80.":           with(good, "title", strings.Repeat("é", 81)),
			"Enter what you think of the product.":                   with(good, "body", "\n"),
			"This is 2,001 characters long. The limit is 2,000.":     with(good, "body", strings.Repeat("é", 2001)),
			"We removed characters that aren&#39;t text. Check it, ": with(good, "body", "a\x00b\u202e"),
		} {
			alice.want(alice.post(form, bad), 422, fault, "Your review wasn&#39;t saved", `name="title"`)
		}
		for _, stars := range []string{"0", "6", "-1", "4.5", "x"} {
			alice.want(alice.post(form, with(good, "stars", stars)), 422, "Choose how many stars", "Boils &lt;b&gt;fast&lt;/b&gt;", "Second line")
		}

		alice.want(alice.post(form, good), 303, page+"#reviews")
		alice.want(alice.get(page), 200, "Thank you for your review", "Your review", "Edit your review", "Boils &lt;b&gt;fast&lt;/b&gt;", "First line\n\nSecond line",
			"Rated 4.0 out of 5, 1 review", "4 out of 5 stars", "Alice Demo")
		alice.want(alice.get(form), 200, "Edit your review", "Second line", "Delete review")
		alice.want(alice.post(form, with(good, "stars", "2", "title", "Lid is loose")), 303)
		body := guest.want(guest.get(page), 200, "Rated 2.0 out of 5, 1 review", "Lid is loose", "(edited)").Body

		alice.want(alice.post(form, url.Values{"delete": {"yes"}}), 303, page+"#reviews")
		alice.want(alice.post(form, url.Values{"delete": {"yes"}}), 303) // a second click
		guest.want(guest.get(page), 200, "There are no reviews yet.")
		if strings.Contains(body, "Remove") {
			t.Error("a guest is offered to remove a review")
		}

		alice.want(alice.post(form, good), 303)
		remove := regexp.MustCompile(`/reviews/[A-Z2-7]{26}/remove`).FindString(mod.want(mod.get(page), 200, "Remove").Body)
		alice.want(alice.post(remove, nil), 403)
		mod.want(mod.post("/reviews/none/remove", nil), 404)
		mod.want(mod.post(remove, nil), 303, page+"#reviews")
		mod.want(mod.post(remove, nil), 404)
		guest.want(guest.get(page), 200, "There are no reviews yet.")

		for range 20 {
			_ = alice.post(form, good)
		}
		if a := alice.want(alice.post(form, with(good, "title", "Once more")), 429, "Your text is still here", "Once more"); a.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	})
}

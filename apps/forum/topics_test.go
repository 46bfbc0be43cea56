package forum_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/token"
)

// bearer is an access token of the academy itself for the forum, with changes.
func (h *house) bearer(changes jwt.MapClaims) string {
	h.t.Helper()
	now := h.clock()
	c := jwt.MapClaims{"iss": "http://portal.house.test", "sub": "academy", "client_id": "academy", "aud": "http://forum.house.test",
		"jti": rand.Text(), "scope": "forum.topics", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(c, changes)
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	tok.Header["kid"], tok.Header["typ"] = "k", token.TypeAccess
	raw, err := tok.SignedString(signingKey())
	if err != nil {
		h.t.Error(err)
	}
	return "Bearer " + raw
}

const lesson = "http://academy.house.test/lessons/the-bank"

func topicBody(title, text, url string) string {
	raw, _ := json.Marshal(map[string]string{"title": title, "text": text, "url": url})
	return string(raw)
}

func (h *house) put(topic, body string) page {
	h.t.Helper()
	return h.guest().do(http.MethodPut, "/api/v1/topics/"+topic, "application/json", body, "Authorization", h.bearer(nil))
}

func (h *house) topic(topic string) page {
	h.t.Helper()
	return h.guest().get("/api/v1/topics/"+topic, "Authorization", h.bearer(nil))
}

// told is the answer's path, and how many replies it tells of.
func (p page) told(t *testing.T) (path string, replies int) {
	t.Helper()
	var answer struct {
		Path    string
		Replies int
	}
	if err := json.Unmarshal([]byte(p.body), &answer); err != nil || !strings.HasPrefix(answer.Path, "/t/") {
		t.Fatalf("%d %s (%v)", p.status, p.body, err)
	}
	return answer.Path, answer.Replies
}

func TestTopics_BeginOneThread(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.topic("the-bank").want(t, 404, `"error":"not_found"`)
		path, replies := h.put("the-bank", topicBody("Lesson: the bank", "What is the *price*?", lesson)).want(t, 201).told(t)
		if replies != 0 {
			t.Errorf("%d replies of a new thread", replies)
		}
		h.guest().get(path).want(t, 200, "Lesson: the bank", "<em>price</em>", `href="`+lesson+`"`, ">Open it in the Academy</a>", ">Academy</bdi>")
		h.guest().get("/b/academy").want(t, 200, "Lesson: the bank")
		h.person("alice").reply(path, "A call for each customer.")
		before := h.rows()
		again, replies := h.put("the-bank", topicBody("Another title", "Other text", lesson)).want(t, 200).told(t)
		if again != path || replies != 1 || h.rows() != before {
			t.Errorf("%s with %d replies, %d rows; want %s with 1, %d", again, replies, h.rows(), path, before)
		}
		if found, replies := h.topic("the-bank").want(t, 200).told(t); found != path || replies != 1 {
			t.Errorf("%s with %d replies", found, replies)
		}
		if other, _ := h.put("the-card", topicBody("Lesson: the card", "Text", lesson)).want(t, 201).told(t); other == path {
			t.Error("two topics share a thread")
		}
	})
}

func TestTopics_AskedForAtTheSameTimeAreOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const askers = 12
		answers := make([]page, askers)
		var wait sync.WaitGroup
		for i := range answers {
			wait.Go(func() { answers[i] = h.put("the-bank", topicBody("Lesson: the bank", "Text", lesson)) })
		}
		wait.Wait()
		created, first := 0, ""
		for _, p := range answers {
			if p.status == 201 {
				created++
			}
			path, _ := p.told(t)
			if first == "" {
				first = path
			}
			if path != first {
				t.Errorf("%s and %s", path, first)
			}
		}
		var threads int
		if err := h.db.GetContext(t.Context(), &threads, `SELECT COUNT(*) FROM threads`); err != nil {
			t.Fatal(err)
		}
		if created != 1 || threads != 1 {
			t.Errorf("created %d times, %d threads", created, threads)
		}
	})
}

func TestTopics_AreForSiblingsThemselves(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		before := h.rows()
		for name, tc := range map[string]struct {
			bearer string
			status int
		}{
			"nobody":                     {"", 401},
			"a token that was made up":   {"Bearer x.y.z", 401},
			"a token for another app":    {h.bearer(jwt.MapClaims{"aud": "http://shop.house.test"}), 401},
			"a token that has expired":   {h.bearer(jwt.MapClaims{"exp": h.clock().Add(-time.Minute).Unix()}), 401},
			"a token without the scope":  {h.bearer(jwt.MapClaims{"scope": "openid"}), 403},
			"an app that has no topics":  {h.bearer(jwt.MapClaims{"sub": "shop", "client_id": "shop"}), 403},
			"a person at the academy":    {h.bearer(jwt.MapClaims{"sub": "demo-alice", "sid": "s", "auth_time": h.clock().Unix()}), 403},
			"a person called as the app": {h.bearer(jwt.MapClaims{"sid": "s", "auth_time": h.clock().Unix()}), 403},
		} {
			for _, method := range []string{http.MethodGet, http.MethodPut} {
				var header []string
				if tc.bearer != "" {
					header = []string{"Authorization", tc.bearer}
				}
				p := h.guest().do(method, "/api/v1/topics/the-bank", "application/json", topicBody("Lesson", "Text", lesson), header...)
				if p.status != tc.status || !strings.Contains(p.body, `"error":`) {
					t.Errorf("%s as %s: %d %s; want %d", method, name, p.status, p.body, tc.status)
				}
			}
		}
		// A person's session at the forum opens the API to nobody.
		if p := h.person("alice", "admin").get("/api/v1/topics/the-bank"); p.status != 401 {
			t.Errorf("a browser: %d", p.status)
		}
		if h.rows() != before {
			t.Error("somebody wrote")
		}
	})
}

func TestTopics_TakeWhatPeopleMayWrite(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		before := h.rows()
		good := topicBody("Lesson: the bank", "Text", lesson)
		for name, tc := range map[string]struct {
			topic, body string
			status      int
			says        string
		}{
			"no body":             {"x", "", 400, "a JSON object"},
			"no object":           {"x", "[]", 400, "a JSON object"},
			"half an object":      {"x", good[:20], 400, "a JSON object"},
			"two objects":         {"x", good + good, 400, "a JSON object"},
			"a number as title":   {"x", `{"title":5}`, 400, "a JSON object"},
			"too much":            {"x", topicBody("Title of it", strings.Repeat("a", 1<<20), lesson), 413, "too_large"},
			"a name in capitals":  {"The-Bank", good, 400, "lowercase letters"},
			"a name that escapes": {"..%2F..", good, 400, "lowercase letters"},
			"a name too long":     {strings.Repeat("a", 81), good, 400, "lowercase letters"},
			"no title":            {"x", topicBody(" ", "Text", lesson), 422, "title"},
			"a title too long":    {"x", topicBody(strings.Repeat("a", 151), "Text", lesson), 422, "title"},
			"no text":             {"x", topicBody("Lesson: the bank", "\n", lesson), 422, "text"},
			"a text too long":     {"x", topicBody("Lesson: the bank", strings.Repeat("a", 20_001), lesson), 422, "text"},
			"text that is none":   {"x", topicBody("Lesson: the bank", "a\x00b", lesson), 422, "text"},
			"no address":          {"x", topicBody("Lesson: the bank", "Text", ""), 422, "url"},
			"another's address":   {"x", topicBody("Lesson: the bank", "Text", "http://evil.test/"), 422, "url"},
			"the shop's":          {"x", topicBody("Lesson: the bank", "Text", "http://shop.house.test/"), 422, "url"},
			"a name before the @": {"x", topicBody("Lesson: the bank", "Text", "http://academy.house.test@evil.test/"), 422, "url"},
			"no link to click":    {"x", topicBody("Lesson: the bank", "Text", "javascript:alert(1)"), 422, "url"},
			"one that breaks out": {"x", topicBody("Lesson: the bank", "Text", lesson+">) <b>"), 422, "url"},
		} {
			p := h.put(tc.topic, tc.body)
			if p.status != tc.status || !strings.Contains(p.body, tc.says) || !strings.Contains(p.body, `"error":`) {
				t.Errorf("%s: %d %s; want %d and %q", name, p.status, p.body, tc.status, tc.says)
			}
		}
		if p := h.guest().do(http.MethodPut, "/api/v1/topics/x", "text/plain", good, "Authorization", h.bearer(nil)); p.status != 415 {
			t.Errorf("text/plain: %d", p.status)
		}
		if h.rows() != before {
			t.Error("something was stored")
		}
		path, _ := h.put("x", topicBody("<b>&\"", "<script>alert(1)</script>", lesson+"?a=b&c=(d)")).want(t, 201).told(t)
		h.guest().get(path).want(t, 200, "&lt;b&gt;&amp;").without(t, "<script>alert(1)", "<b>&")
	})
}

func TestTopics_OfARemovedThreadStayItsOwn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		path, _ := h.put("the-bank", topicBody("Lesson: the bank", "Text", lesson)).told(t)
		post := h.postID(path, 1)
		h.person("carol", "moderator").post("/posts/"+post+"/moderate", "action", "remove", "reason", "Off topic").want(t, 303)
		if again, _ := h.put("the-bank", topicBody("Lesson: the bank", "Text", lesson)).want(t, 200).told(t); again != path {
			t.Errorf("a second thread %s", again)
		}
		h.guest().get(path).want(t, 410, "removed")
	})
}

func TestReplies_AreSorted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice"), h.person("bob")
		thread, _ := alice.begin("How do I oil it?", "The lock.")
		alice.get(thread).want(t, 200).without(t, "Sort replies") // nothing to sort
		for i := range 45 {
			h.pass(time.Second)
			bob.reply(thread, fmt.Sprintf("Reply number %d.", i+1))
		}
		alice.post("/posts/"+h.postID(thread, 31)+"/vote", "value", "1").want(t, 303)
		h.person("carol", "moderator").post("/posts/"+h.postID(thread, 12)+"/moderate", "action", "remove", "reason", "Off topic").want(t, 303)

		for sort, want := range map[string][]int{"oldest": {1, 2, 3}, "newest": {45, 44, 43}, "votes": {30, 1, 2}, "nonsense": {1, 2, 3}, "": {1, 2, 3}} {
			p := alice.get(thread+"?sort="+sort).want(t, 200, "The lock.", "Sort replies", `id="replies"`)
			at := 0
			for _, n := range want {
				i := strings.Index(p.body[at:], fmt.Sprintf("Reply number %d.", n))
				if i < 0 {
					t.Errorf("sorted by %q: reply %d is not where it should be", sort, n)
					break
				}
				at += i
			}
			// Each reply is on one page, and on one only.
			seen := map[string]int{}
			for n := 1; n <= 3; n++ {
				p := alice.get(fmt.Sprintf("%s?sort=%s&page=%d", thread, sort, n)).want(t, 200)
				for _, part := range strings.Split(p.body, `<article id="`)[1:] {
					id, _, _ := strings.Cut(part, `"`)
					seen[id]++
				}
				if sort == "newest" && n < 3 && !strings.Contains(p.body, fmt.Sprintf("?sort=newest&amp;page=%d", n+1)) {
					t.Errorf("page %d forgets the order", n)
				}
			}
			if len(seen) != 46 {
				t.Errorf("sorted by %q: %d of 46 posts", sort, len(seen))
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("sorted by %q: %s is there %d times", sort, id, n)
				}
			}
		}
		// What was removed is the last when the helpful ones come first.
		p := alice.get(thread+"?sort=votes&page=9").want(t, 200, "Replies, page 3")
		if last := strings.LastIndex(p.body, `<article id="post-`); !strings.HasPrefix(p.body[last:], `<article id="post-12"`) {
			t.Error("the removed reply is not the last")
		}
	})
}

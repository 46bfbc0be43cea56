package forum_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// strange are values that nobody types.
var strange = []string{"", " ", "\x00", "a\x00b", "\xff\xfe", "<script>alert(1)</script>", "' OR 1=1 --", "%00", "../../etc/passwd", "-1",
	"999999999999999999999", "0x10", "NaN", "\u202eevil", strings.Repeat("a", 100_000), "🙂", "{{.}}", "\u200b"}

func TestInput_NothingStrangeIsStoredOrBreaks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob := h.person("alice"), h.person("bob", "moderator")
		thread, post := alice.begin("A quiet thread", "A quiet text")
		before := h.rows()
		check := func(what string, p page) {
			t.Helper()
			if p.status >= 500 {
				t.Errorf("%.80q: %d", what, p.status)
			}
			if strings.Contains(p.body, "<script>alert(1)") {
				t.Errorf("%.80q: a script came back", what)
			}
		}
		for _, s := range strange {
			e := url.QueryEscape(s)
			for _, path := range []string{"/?page=" + e, "/?sort=" + e, "/search?q=" + e, "/search?q=a&page=" + e, "/search?product=" + e, thread + "?page=" + e,
				"/new?board=" + e, "/new?product=" + e, "/moderation?page=" + e, "/moderation/reports?page=" + e, "/mine?page=" + e, "/following?page=" + e, "/u/alice?page=" + e, thread + "?quote=" + e} {
				if len(path) < 20_000 { // beyond, the server's own limit of a head answers
					check("GET "+path, bob.get(path))
				}
			}
			if pe := url.PathEscape(s); pe != "" && len(pe) < 20_000 {
				for _, path := range []string{"/t/" + pe, "/b/" + pe, "/posts/" + pe, "/posts/" + pe + "/edit", "/posts/" + pe + "/delete", "/posts/" + pe + "/report", "/u/" + pe} {
					check("GET "+path, bob.get(path))
				}
				check("POST", bob.post("/t/"+pe+"/reply", "body", "x"))
				check("POST", bob.post("/posts/"+pe+"/vote", "value", "1"))
				check("POST", bob.post("/posts/"+pe+"/moderate", "action", "pin"))
				check("POST", bob.post("/t/"+pe+"/follow", "follow", "1"))
				check("POST", bob.post("/posts/"+pe+"/delete"))
				check("POST", bob.post("/posts/"+pe+"/undelete"))
				check("POST", bob.post("/posts/"+pe+"/report", "reason", "x"))
				check("POST", bob.post("/posts/"+pe+"/accept", "accept", "1"))
			}
			check("vote "+s, bob.post("/posts/"+post+"/vote", "value", s))
			check("accept "+s, bob.post("/posts/"+post+"/accept", "accept", s))
			check("moderate "+s, bob.post("/posts/"+post+"/moderate", "action", s))
			check("title "+s, alice.post("/posts/"+post+"/edit", "title", "T"+s+strings.Repeat("!", 200), "body", "x", "version", "1"))
			check("version "+s, alice.post("/posts/"+post+"/edit", "title", "A quiet thread", "body", "x", "version", s))
			check("board "+s, alice.post("/new", "board", s, "title", "A fine title", "body", "x"))
			check("cookie", h.guest().get("/", "Cookie", "forum_session="+e[:min(len(e), 3000)]))
		}
		if h.rows() != before {
			t.Fatal("something was stored")
		}
	})
}

func TestInput_TextThatCannotBePostedComesBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		thread, post := alice.begin("A quiet thread", "A quiet text")
		before := h.rows()
		long := strings.Repeat("é", 20_001)
		for _, p := range []page{
			alice.post(thread+"/reply", "body", long),
			alice.post("/new", "board", "products", "title", "A fine title", "body", long),
			alice.post("/posts/"+post+"/edit", "title", "A fine title", "body", long, "version", "1"),
		} {
			p.want(t, http.StatusUnprocessableEntity, long, "20,001 characters long")
		}
		alice.post(thread+"/reply", "body", "before\x00after").want(t, 422, "beforeafter", "aren&#39;t text")
		alice.post(thread+"/reply", "body", "before\xffafter").want(t, 422, "beforeafter", "aren&#39;t text")
		alice.post(thread+"/reply", "body", " \r\n \u200b ").want(t, 422, "Enter some text")
		alice.post(thread+"/reply").want(t, 422, "Enter some text")
		alice.post(thread+"/reply", "body", "a", "body", "b").want(t, 400)
		alice.post("/new", "board", "products", "title", "Hi", "body", "Kept text").want(t, 422, "at least 5", "Kept text")
		alice.post("/new", "board", "none", "title", "A fine title", "body", "Kept text").want(t, 422, "no longer exists", "Kept text")
		alice.do("POST", thread+"/reply", "application/json", `{"body":"x"}`).want(t, 422)
		alice.do("POST", thread+"/reply", "application/x-www-form-urlencoded", "body=%zz").want(t, 400)
		alice.do("POST", thread+"/reply", "multipart/form-data", "x").want(t, 400)
		alice.do("POST", thread+"/reply", "application/x-www-form-urlencoded", "body="+strings.Repeat("x", 2<<20)).want(t, 413)
		if h.rows() != before {
			t.Fatal("something was stored")
		}
		// As long as may be, in lines as browsers send them.
		fits := strings.Repeat("é\r\n", 9_999) + "éé"
		alice.post(thread+"/reply", "body", fits).want(t, 303)
	})
}

func TestUnknown_IsNotFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice", "moderator")
		for _, path := range []string{"/t/none", "/b/none", "/posts/none", "/posts/none/edit", "/nowhere"} {
			alice.get(path).want(t, 404)
		}
		for _, path := range []string{"/t/none/reply", "/t/none/preview", "/posts/none/vote", "/posts/none/moderate", "/posts/none/edit"} {
			alice.post(path, "body", "x", "value", "1", "action", "pin").want(t, 404)
		}
	})
}

package forum_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

func TestInbox_TellsAndIsRead(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob, mod := h.person("alice"), h.person("bob"), h.person("mod", "moderator")
		alice.get("/inbox").want(t, 200, "Nothing here yet").without(t, "Mark all as read")
		thread, first := alice.begin("A question of hinges", "Which?")
		second := bob.reply(thread, "@alice, @nobody and me@alice.com: these.")
		h.guest().get(thread).want(t, 200, `<a href="/u/@alice" rel="nofollow ugc noopener">@alice</a>, @nobody`)
		if p := h.guest().get("/u/@alice").want(t, 303); p.location != "/u/alice" {
			t.Errorf("leads to %s", p.location)
		}
		h.guest().get("/u/alice").want(t, 200, "@alice · ")
		h.guest().get("/u/@nobody").want(t, 404)
		alice.get("/mine").want(t, 200, `aria-label="Inbox, 1 unread"`)
		alice.get("/inbox").want(t, 200, "mentioned you", "A question of hinges", "/posts/"+second, ">New<", "Mark all as read")
		alice.get("/posts/"+second).want(t, 303)
		alice.get("/inbox").want(t, 200, `aria-label="Inbox"`).without(t, ">New<")

		bob.reply(thread, "@alice again")
		alice.post("/inbox/read").want(t, 303)
		alice.get("/inbox").want(t, 200).without(t, ">New<", "Mark all")
		bob.reply(thread, "> [Alice](/posts/"+first+") wrote:\n>\n> Which?\n\nThat one.")
		alice.get("/inbox").want(t, 200, "quoted your post", ">New<")
		alice.get(thread).want(t, 200, `aria-label="Inbox"`) // on whose page it is

		alice.post("/posts/"+second+"/accept", "accept", "1").want(t, 303)
		bob.get("/inbox").want(t, 200, "accepted your answer")
		mod.post("/posts/"+second+"/moderate", "action", "remove", "reason", "Rude").want(t, 303)
		bob.get("/inbox").want(t, 200, "A moderator", "removed your post").without(t, "accepted your answer", "Mod<")
		alice.get("/inbox").want(t, 200).without(t, "/posts/"+second)

		alice.do("POST", thread+"/preview", "application/x-www-form-urlencoded", "body=Ask+@bob+and+@nobody", "HX-Request", "true").
			want(t, 200, `<a href="/u/@bob"`, "@nobody").without(t, "/u/@nobody")
		alice.get("/people?q=%40bo").want(t, 200, "@bob", `href="/u/bob"`)
		alice.get("/people?q=bo", "HX-Request", "true").want(t, 200, `role="option"`, `data-handle="bob"`).without(t, "<html", "alice")
		alice.get("/people?q=zz").want(t, 200, "No one found")
		h.guest().get("/people?q=bo").want(t, 302)
		h.guest().get("/inbox").want(t, 302)
	})
}

// The number reaches Redis, where the headers of other apps find it.
func TestInbox_NumberIsPublished(t *testing.T) {
	rdb := env.MiniRedis(t)
	h := newHouse(t, env.DB(t, "forum"), rdb, false)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = h.forum.Run(ctx) }()
	defer func() { cancel(); <-ran }()
	thread, _ := h.person("alice").begin("A question of hinges", "Which?")
	bob := h.person("bob")
	stored := func(want string) {
		t.Helper()
		got := ""
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if got = rdb.Get(ctx, "gatehouse:unread:alice").Val(); got == want {
				return
			}
		}
		t.Fatalf("%q, want %q", got, want)
	}
	bob.reply(thread, "@alice")
	stored("1")
	bob.reply(thread, "@alice again")
	stored("2")
	rdb.Del(ctx, "gatehouse:unread:alice") // lost, until alice comes back
	alice := h.person("alice")
	alice.get("/").want(t, 200, "Inbox, 2 unread")
	stored("2")
	alice.get(thread)
	stored("")
}

// file sends a file with the form that uploads images.
func (v *visitor) file(name, content string, headers ...string) page {
	v.h.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	w, err := form.CreateFormFile("image", name)
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err == nil {
		err = form.WriteField("description", "A [hinge]")
	}
	if err != nil || form.Close() != nil {
		v.h.t.Fatal(err)
	}
	return v.do(http.MethodPost, "/images/new", form.FormDataContentType(), b.String(), headers...)
}

func TestUpload_ServesWhatAPostShows(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice, bob, mod := h.person("alice"), h.person("bob"), h.person("mod", "moderator")
		var drawing bytes.Buffer
		if err := png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
			t.Fatal(err)
		}
		polyglot := drawing.String() + "<script>alert(1)</script>"
		p := alice.file(`a"b.svg`, polyglot).want(t, 201, `![A \[hinge\]](/images/`)
		at := regexp.MustCompile(`/images/[a-z0-9]{16}`).FindString(p.body)
		got := alice.get(at).want(t, 200).without(t, "script")
		for name, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline", "Cache-Control": "private, no-cache"} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %q", name, got.header.Get(name))
			}
		}
		for _, other := range []*visitor{bob, mod, h.guest()} { // no one else's until a post has it
			if p := other.get(at).want(t, 404); !strings.Contains(p.header.Get("Cache-Control"), "no-store") {
				t.Error(p.header)
			}
		}
		thread, _ := bob.begin("A question of hinges", "Not mine: ![x]("+at+")")
		h.guest().get(at).want(t, 404)
		post := alice.reply(thread, "Mine: ![A hinge]("+at+")")
		h.guest().get(thread).want(t, 200, `<img src="`+at+`" alt="A hinge"`)
		if p := h.guest().get(at).want(t, 200); p.header.Get("Cache-Control") != "private, no-cache" || p.header.Get("ETag") == "" {
			t.Error(p.header)
		}
		mod.post("/posts/"+post+"/moderate", "action", "remove", "reason", "Rude").want(t, 303)
		h.guest().get(at).want(t, 404)
		bob.get(at).want(t, 404)
		mod.get(at).want(t, 200)
		alice.get(at).want(t, 200)
		mod.post("/posts/"+post+"/moderate", "action", "restore").want(t, 303)
		bob.get(at).want(t, 200)

		alice.file("a.png", drawing.String(), "Accept", "application/json").want(t, 201, `"markdown":"![`)
		alice.file("a.png", "<svg/>", "Accept", "application/json").want(t, 422, "image_refused", "PNG or JPEG")
		for name, tt := range map[string]struct {
			content string
			status  int
			text    string
		}{
			"SVG": {"<svg onload=alert(1)>", 422, "PNG or JPEG"}, "cut off": {polyglot[:60], 422, "damaged"}, "empty": {"", 422, "Choose a file"},
			"too many bytes": {strings.Repeat("x", 2<<20+1), 422, "more than 2 MB"}, "much too many": {strings.Repeat("x", 3<<20), 413, "2 MiB"},
		} {
			if p := alice.file("a.png", tt.content); p.status != tt.status || !strings.Contains(p.body, tt.text) {
				t.Errorf("%s: %d", name, p.status)
			}
		}
		alice.post("/images/new", "description", "no file").want(t, 422, "Choose a file")
		alice.do(http.MethodPost, "/images/new", "multipart/form-data; boundary=b", "--b\r\nContent-Disp").want(t, 400)
		h.guest().file("a.png", drawing.String()).want(t, 303)
		for range 18 {
			alice.file("a.png", drawing.String()).want(t, 201)
		}
		if p := alice.file("a.png", drawing.String()).want(t, 429, "20 images a day"); p.header.Get("Retry-After") == "" {
			t.Error(fmt.Sprint(p.header))
		}
		for range 40 {
			p = alice.file("a.png", "no image")
		}
		p.want(t, 429, "uploading too often")
	})
}

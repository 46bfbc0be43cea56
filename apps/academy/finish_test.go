package academy_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

var lessonLink = regexp.MustCompile(`href="(/lessons/[a-z0-9-]+)"`)

// all are the paths of all lessons, in their order.
func (v *visitor) all(t *testing.T) (paths []string) {
	t.Helper()
	_, list, _ := strings.Cut(v.get("/").want(t, 200).body, "<ol")
	for _, m := range lessonLink.FindAllStringSubmatch(list, -1) {
		paths = append(paths, m[1])
	}
	return paths
}

func TestDone_LeadsOnAndCanBeTakenBack(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		all := alice.all(t)
		if all[0] != ownPath {
			t.Fatal(all)
		}
		for range 2 { // twice is once
			if p := alice.post(ownPath+"/done", "done", "yes").want(t, 303); p.location != all[1] {
				t.Fatal(p.location)
			}
		}
		alice.get(all[1]).want(t, 200, "“Our &lt;doors&gt;” is done.")
		alice.get(ownPath).want(t, 200, "You finished this lesson on", "Undo")
		alice.get("/").want(t, 200, "Continue where you left off", `href="`+all[1]+`"`, "(done)", "1 of ")
		h.person("bob").get(ownPath).want(t, 200, "Finish this lesson").without(t, "Undo")
		if p := alice.post(ownPath+"/done", "done", "no").want(t, 303); p.location != ownPath+"#end" {
			t.Fatal(p.location)
		}
		alice.get(ownPath).want(t, 200, "Finish this lesson")
		alice.post(ownPath+"/done").want(t, 400)
		alice.post(ownPath+"/done", "done", "perhaps").want(t, 400)
		alice.post("/lessons/none/done", "done", "yes").want(t, 404)
	})
}

func TestHome_GoesOnWhereOneWas(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		all := alice.all(t)
		alice.post(all[3]+"/done", "done", "yes").want(t, 303)
		next := regexp.MustCompile(`Next: <a class="link" href="([^"]+)"`)
		where := func() string { return next.FindStringSubmatch(alice.get("/").body)[1] }
		if got := where(); got != all[4] {
			t.Errorf("behind a lesson that is done: %s", got)
		}
		h.pass(time.Minute)
		alice.post(ownPath+"/answers/one", "option", "0").want(t, 303)
		if got := where(); got != ownPath {
			t.Errorf("in a lesson that was begun: %s", got)
		}
	})
}

func TestFinish_SaysWhatIsMissingThenPrints(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		if p := h.guest().get("/finish"); p.status == 200 {
			t.Error("a guest finishes")
		}
		alice := h.person("alice")
		all := alice.all(t)
		alice.get("/finish").want(t, 200, "Not finished yet", fmt.Sprintf("%d lessons are left", len(all)), "Our &lt;doors&gt;").without(t, "was finished by")
		alice.post(ownPath+"/answers/one", "option", "0").want(t, 303)
		alice.post(ownPath+"/answers/words", "text", "My <i>own</i>\nwords").want(t, 303)
		run := alice.start("doors")
		for _, step := range []string{"knock", "more", "read"} {
			p := alice.get(run).want(t, 200)
			alice.post(run+"/step", "key", p.key(t), "step", step, "guess", "1").want(t, 303)
		}
		alice.get(run).want(t, 200, `data-path="done"`)
		alice.get(ownPath).want(t, 200, "data-last-result", "Knocks heard", "Done")
		for i, path := range all {
			p := alice.post(path+"/done", "done", "yes").want(t, 303)
			if i == len(all)-1 && p.location != "/finish" {
				t.Errorf("the last lesson leads to %s", p.location)
			}
		}
		alice.get(ownPath+"/present?slide=4").want(t, 200, "step 1 of 3", "What happened, and why", "They heard <strong>")
		h.guest().get(ownPath+"/present?slide=4").want(t, 200, "step 1 of 3", "Do it in the experiment").without(t, "What happened", "They heard")
		alice.get("/finish").want(t, 200, "was finished by", "Alice", "23 Nov 2026", "Knocks heard", "My &lt;i&gt;own&lt;/i&gt;\nwords", "Wrong", "1 try").
			without(t, "Not finished yet", "The model of an answer", "style=")
		h.person("bob").get("/finish").want(t, 200, "Not finished yet").without(t, "Knocks heard", "words")
		alice.get("/").want(t, 200, "All lessons done")
	})
}

func TestPresent_ShowsOneScreenAfterTheOther(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		g := h.guest()
		all := g.all(t)
		seen := g.get(ownPath+"/present").want(t, 200, "Our &lt;doors&gt;", "What a teacher wrote", `data-leave`, `href="`+ownPath+`"`).without(t, "data-previous").body
		path := ownPath + "/present"
		next := regexp.MustCompile(`href="([^"]+)"[^>]*data-next`)
		screens := 1
		for ; screens < 40; screens++ {
			m := next.FindStringSubmatch(seen)
			if m == nil {
				t.Fatal("no way on from", path)
			}
			path = m[1]
			if path == all[1]+"/present" {
				break
			}
			seen = g.get(path).want(t, 200, "data-previous", "<h1").body
		}
		// Title, text, experiment, three steps, drawing and call-outs, four questions with their answers.
		if screens != 1+1+1+3+1+8 {
			t.Errorf("%d screens", screens)
		}
		h.guest().get(ownPath+"/present?slide=8").want(t, 200, "Which door?").without(t, "it is locked")
		h.guest().get(ownPath+"/present?slide=9").want(t, 200, "Which door?", "it is locked")
		h.guest().get(ownPath+"/present?slide=9999").want(t, 200, "What a teacher wrote")
		h.guest().get("/lessons/none/present").want(t, 404)
	})
}

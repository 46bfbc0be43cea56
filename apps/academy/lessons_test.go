package academy_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/apps/academy"
	"gatehouse.example/apps/academy/experiments"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// ownLesson has a question of each kind, and an experiment of the harness.
const ownLesson = `---
slug: our-doors
title: Our <doors>
summary: What a teacher wrote.
part: Start
order: 0
minutes: 3
---
Doors are *thin*. <script>alert(1)</script>

::experiment{name="doors" doors="3"}

:::diagram{name="branches"}

:::faq{title="May I?"}
Yes.
:::

:::real
Nothing.
:::

## Check yourself

:::choice{id="one"}
Which door?
- [ ] The left
  Wrong: it is locked.
- [x] The right
  Because it opens.
:::

:::choice{id="some"}
Which windows?
- [x] First
- [x] Second
- [ ] Third
:::

:::order{id="way"}
In order.
1. Knock
2. Wait
3. Enter
---
Politeness.
:::

:::exercise{id="words"}
In your words?
---
The model of an answer.
:::
`

const ownPath = "/lessons/our-doors"

// lessons is an Academy with that lesson in its folder.
func lessons(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) { test(t, newHouse(t, d, withLesson(t, ownLesson))) })
}

func withLesson(t *testing.T, text string) func(*academy.Deps) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(deps *academy.Deps) { deps.Lessons = dir }
}

// notAnswered are words that only who has answered sees.
var notAnswered = []string{"it is locked", "Because it opens", "Politeness", "The model of an answer", `class="verdict`}

func TestLesson_IsOpenToGuests(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		p := h.guest().get(ownPath).want(t, 200, "Our &lt;doors&gt;", "Doors are <em>thin</em>", "Which door?", "Knock", "In your words?",
			"Open the experiment", `href="/experiments/doors?doors=3"`, "<svg", "May I?", "Your answer will be kept", "your progress can be saved", `rel="next"`)
		p.without(t, notAnswered...).without(t, "<script>alert", "style=", "data-last-result")
		h.guest().get("/").want(t, 200, "Our &lt;doors&gt;", "Reading is open to everyone", "Begin").without(t, "Continue where you left off")
		h.guest().get("/lessons/none").want(t, 404)
		h.guest().get("/lessons/%00").want(t, 404)
		h.guest().get(ownPath+"/answers/one").want(t, 303)
		h.guest().get("/lessons/none/done").want(t, 404)
	})
}

func TestLesson_BrokenFilesAreLoggedAndTheOthersOpen(t *testing.T) {
	var log bytes.Buffer
	broken := strings.Replace(ownLesson, "[x] The right", "[ ] The right", 1)
	h := newHouse(t, env.DB(t, "academy"), withLesson(t, broken), func(deps *academy.Deps) {
		deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	h.guest().get(ownPath).want(t, 404)
	h.guest().get("/lessons/introduction").want(t, 200)
	if !regexp.MustCompile(`own\.md:25: choice has no right answer`).MatchString(log.String()) {
		t.Error(log.String())
	}
}

// What comes with the Academy has no fault: each experiment that a lesson names is there.
func TestLesson_ThoseThatComeWithTheAcademyAllOpen(t *testing.T) {
	var log bytes.Buffer
	h := newHouse(t, env.DB(t, "academy"), func(deps *academy.Deps) {
		deps.Experiments = experiments.All()
		deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	if strings.Contains(log.String(), "lesson") {
		t.Error(log.String())
	}
	for _, path := range h.guest().all(t) {
		h.guest().get(path).want(t, 200, `class="lesson"`)
		h.guest().get(path+"/present?slide=2").want(t, 200, "data-leave")
	}
}

func TestAnswer_IsJudgedKeptAndExplained(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		post := ownPath + "/answers/one"
		if p := alice.post(post, "question", "one", "option", "0").want(t, 303); p.location != ownPath+"#q-one" {
			t.Error(p.location)
		}
		alice.get(ownPath).want(t, 200, "Wrong. Try again.", "it is locked", "Because it opens", "Answer again").without(t, "Politeness", "The model of an answer")
		alice.post(post, "option", "1").want(t, 303)
		alice.post(post, "option", "1").want(t, 303) // twice
		alice.get(ownPath).want(t, 200, "Right.").without(t, "Right on the first try")
		if tries := h.one(t, `SELECT tries FROM answers WHERE sub = 'alice' AND question = 'one'`); tries != 2 {
			t.Errorf("%d tries", tries)
		}
		alice.post(ownPath+"/answers/some", "option", "0", "option", "1").want(t, 303)
		alice.post(ownPath+"/answers/words", "text", "<b>My</b> words & more").want(t, 303)
		alice.get(ownPath).want(t, 200, "Right on the first try.", "&lt;b&gt;My&lt;/b&gt; words &amp; more", "The model of an answer").without(t, "<b>My</b>")
		h.person("bob").get(ownPath).want(t, 200).without(t, "words &amp; more", "The model of an answer", "it is locked")
		if n := h.one(t, `SELECT COUNT(*) FROM learners WHERE sub = 'alice' AND name = 'Alice'`); n != 1 {
			t.Error("nobody was taken down as a learner")
		}
	})
}

func TestAnswer_AnOrder(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		post := ownPath + "/answers/way"
		shown := regexp.MustCompile(`data-order-text>\s*(Knock|Wait|Enter)`).FindAllStringSubmatch(alice.get(ownPath).body, -1)
		if len(shown) != 3 {
			t.Fatal(shown)
		}
		right := map[string]string{"Knock": "1", "Wait": "2", "Enter": "3"}
		var fields, wrong []string
		for i, m := range shown {
			fields = append(fields, "place-"+string(rune('0'+i)), right[m[1]])
			wrong = append(wrong, "place-"+string(rune('0'+i)), string(rune('1'+i)))
		}
		alice.post(post, wrong...).want(t, 303)
		alice.get(ownPath).want(t, 200, "in the right place", "Politeness", "The right order")
		alice.post(post, fields...).want(t, 303)
		alice.get(ownPath).want(t, 200, "Right.")
		alice.post(post, "place-0", "1", "place-1", "1", "place-2", "2").want(t, 422, "Two lines have the place 1")
		alice.post(post, "place-0", "9", "place-1", "1", "place-2", "2").want(t, 422, "A place must be a number from 1 to 3")
	})
}

func TestAnswer_BadInputIsToldAndKept(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		alice.post(ownPath+"/answers/one").want(t, 422, "Choose an answer.", `role="alert"`, "Our &lt;doors&gt;")
		alice.post(ownPath+"/answers/one", "option", "7").want(t, 422, "t belong to this question")
		alice.post(ownPath+"/answers/one", "option", "0", "option", "1").want(t, 422, "Choose one answer only")
		alice.post(ownPath+"/answers/words", "text", " \n").want(t, 422, "Enter an answer")
		alice.post(ownPath+"/answers/words", "text", strings.Repeat("語", 8001)).want(t, 422, "at most 8000 characters", strings.Repeat("語", 8001))
		alice.post(ownPath+"/answers/words", "text", "so\x00so").want(t, 422, "aren&#39;t text", ">soso")
		alice.post(ownPath+"/answers/none", "option", "0").want(t, 404, "This question")
		alice.post("/lessons/none/answers/one", "option", "0").want(t, 404)
		alice.do(http.MethodPost, ownPath+"/answers/one", "application/x-www-form-urlencoded", "%zz").want(t, 400)
		if n := h.one(t, `SELECT COUNT(*) FROM answers`); n != 0 {
			t.Errorf("%d answers were kept", n)
		}
		alice.post(ownPath+"/answers/words", "text", strings.Repeat("語", 8000)).want(t, 303)
		alice.post(ownPath+"/answers/words", "text", "").want(t, 422)
		alice.get(ownPath).want(t, 200, strings.Repeat("語", 8000))
	})
}

func TestAnswer_HtmxGetsTheQuestionOnly(t *testing.T) {
	lessons(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		send := func(body string) page {
			return alice.do(http.MethodPost, ownPath+"/answers/one", "application/x-www-form-urlencoded", body, "HX-Request", "true")
		}
		send("option=1").want(t, 200, "Right on the first try.", "data-focus").without(t, "<html", "Which windows?")
		send("").want(t, 422, "Choose an answer.", "data-focus").without(t, "<html", "Which windows?")
	})
}

func TestAnswer_OfAGuestWaitsForThem(t *testing.T) {
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		h, portal := withPortal(t, d, withLesson(t, ownLesson))
		const form = "application/x-www-form-urlencoded"
		for body, kept := range map[string]string{
			"question=words&text=Half+a+%3Cthought%3E": "Half a &lt;thought&gt;",
			"question=one&option=0":                    `value="0" type="radio" class="radio radio-sm" required checked`,
		} {
			guest := h.guest()
			question := strings.TrimPrefix(body[:strings.Index(body, "&")], "question=")
			p := guest.do(http.MethodPost, ownPath+"/answers/"+question, form, body, "Referer", "http://academy.house.test"+ownPath).want(t, 303)
			if p = portal.through(guest, p.location).want(t, 303); p.location != ownPath {
				t.Fatal(p.location)
			}
			guest.get(ownPath).want(t, 200, kept, "Your answer is in the form", "submitted yet").without(t, notAnswered...)
			guest.get(ownPath).want(t, 200).without(t, kept, "Your answer is in the form") // given once
		}
		guest := h.guest()
		p := guest.do(http.MethodPost, ownPath+"/done", form, "done=yes", "Referer", "http://academy.house.test"+ownPath).want(t, 303)
		portal.through(guest, p.location).want(t, 303)
		guest.get(ownPath).want(t, 200, "Please finish it again")
		if n := h.one(t, `SELECT (SELECT COUNT(*) FROM answers) + (SELECT COUNT(*) FROM lessons_done)`); n != 0 {
			t.Errorf("%d things were kept of guests", n)
		}
	})
}

// one is a number from the database.
func (h *house) one(t *testing.T, query string) (n int) {
	t.Helper()
	if err := h.db.GetContext(t.Context(), &n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

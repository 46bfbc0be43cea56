package academy_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/academy"
	"gatehouse.example/apps/academy/lab"
)

func TestExperiments_GuestsReadAndSignInToTry(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.guest()
		g.get("/experiments").want(t, http.StatusOK, "Doors &lt;&amp;&gt;", `href="/experiments/doors"`).without(t, "data-quota", "/estate")
		g.get("/experiments/doors").want(t, http.StatusOK, "Sign in to try it", "Knock once", "The <em>doors</em> are real.").without(t, `name="key"`)
		g.get("/experiments/doors?mode=free").want(t, http.StatusOK, "Sign in to try it", `disabled`, "Knock")
		g.get("/experiments/none").want(t, http.StatusNotFound)
		if p := g.get("/runs/aaaaaaaaaaaaaaaa"); p.status == http.StatusOK {
			t.Error("a guest sees runs")
		}
		g.post("/experiments/doors/runs")
		if h.labs.count() != 0 {
			t.Fatal("a guest started an experiment")
		}
	})
}

func TestRun_TheGuidedPathToItsEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors")
		p := alice.get(run).want(t, http.StatusOK, `data-step="knock" data-step-state="now"`, `data-step="more" data-step-state="later"`, "Who opens?", `data-run-state="running"`)
		p.without(t, "<script>alert", "<b>oak</b>", "<hinge>", "style=")

		p = alice.post(run+"/step", "key", p.key(t), "step", "knock").want(t, http.StatusUnprocessableEntity, "First choose what you expect", "data-fault")
		p = alice.post(run+"/step", "key", p.key(t), "step", "knock", "guess", "0", "seen", "0").want(t, http.StatusSeeOther)
		p = alice.get(p.location).want(t, http.StatusOK, `data-step="knock" data-step-state="done"`, "Not what you predicted", "They heard <strong>1</strong>.",
			`data-finding="heard" data-value="1"`, `data-step="more" data-step-state="now"`, "animateMotion")
		alice.get(run).want(t, http.StatusOK).without(t, "animateMotion")

		alice.post(run+"/step", "key", p.key(t), "step", "more").want(t, http.StatusSeeOther)
		p = alice.get(run).want(t, http.StatusOK, "Now <strong>4</strong>.")
		alice.post(run+"/step", "key", p.key(t), "step", "read").want(t, http.StatusSeeOther)
		alice.get(run).want(t, http.StatusOK, `data-path="done"`, "Try it freely")
		alice.get("/experiments").want(t, http.StatusOK, "Done", "Running")
		alice.get("/experiments/doors").want(t, http.StatusOK, "guided path finished", "Continue")
	})
}

func TestRun_SentTwiceIsDoneOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		key := alice.get("/experiments/doors").key(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		where := map[string]bool{}
		for range 4 {
			wg.Go(func() {
				p := alice.post("/experiments/doors/runs", "key", key, "mode", "free")
				mu.Lock()
				defer mu.Unlock()
				where[p.location] = true
			})
		}
		wg.Wait()
		if len(where) != 1 || h.labs.count() != 1 {
			t.Fatalf("%v, %d started", where, h.labs.count())
		}
		for run := range where {
			key := alice.get(run).key(t)
			for range 3 {
				alice.post(run+"/do", "key", key, "control", "knock", "arg.times", "2").want(t, http.StatusSeeOther)
			}
			alice.get(run).want(t, http.StatusOK, `data-finding="heard" data-value="2"`)
		}
	})
}

func TestRun_WhatIsOutOfRangeIsSaidAndNothingIsLost(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		key := alice.get("/experiments/doors?mode=free").key(t)
		alice.post("/experiments/doors/runs", "key", key, "mode", "free", "set.doors", "99").want(t, http.StatusUnprocessableEntity, "Doors must be a number from 1 to 5.", `value="99"`)
		alice.get("/experiments/doors?mode=free&doors=77").want(t, http.StatusOK, "The set-up in this link isn&#39;t valid")
		run := alice.start("doors", "mode", "free", "set.doors", "3", "set.creaky", "true")
		p := alice.get(run).want(t, http.StatusOK, "doors=3", "creaky=true", `data-server="door-3"`)
		p = alice.post(run+"/do", "key", p.key(t), "control", "knock", "arg.times", "500").want(t, http.StatusUnprocessableEntity, "Times must be a number from 1 to 9.", `value="500"`)
		alice.post(run+"/do", "key", p.key(t), "control", "nothing").want(t, http.StatusUnprocessableEntity)
		alice.post(run+"/do", "key", p.key(t), "control", "shut", "arg.server", "door-9").want(t, http.StatusUnprocessableEntity)
		alice.post(run+"/do", "key", p.key(t), "control", "shut", "arg.server", "door-2").want(t, http.StatusSeeOther)
		p = alice.get(run).want(t, http.StatusOK, `data-server="door-2" data-state="down"`)
		alice.post(run+"/do", "key", p.key(t), "control", "shut", "arg.server", "door-2").want(t, http.StatusUnprocessableEntity, "It is shut already.")
	})
}

func TestRun_IsNobodyElses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		run := h.person("alice").start("doors")
		bob := h.person("bob", "admin")
		for _, path := range []string{run, run + "/live", run + "/timeline.json", run + "/timeline.csv"} {
			bob.get(path, "HX-Request", "true").want(t, http.StatusNotFound)
		}
		for _, path := range []string{"/do", "/step", "/end", "/again"} {
			bob.post(run+path, "control", "knock", "step", "knock", "guess", "1").want(t, http.StatusNotFound)
		}
		h.person("alice").get(run).want(t, http.StatusOK, "Nothing yet.")
	})
}

func TestRun_ThatIsOverGoesOnWhereItWas(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors")
		p := alice.get(run)
		alice.post(run+"/step", "key", p.key(t), "step", "knock", "guess", "1").want(t, http.StatusSeeOther)
		h.labs.crash(idOf(run))
		// Late, and then by itself.
		alice.post(run+"/do", "key", p.key(t), "control", "knock").want(t, http.StatusConflict, "so nothing was done", "Continue with step 2")
		p = alice.get(run).want(t, http.StatusOK, "This experiment has ended", `data-step="knock" data-step-state="done"`, `data-run-state="ended"`, "They heard <strong>1</strong>.")
		next := alice.post(run+"/again", "key", p.key(t)).want(t, http.StatusSeeOther).location
		if next == run {
			t.Fatal("the same run")
		}
		if again := alice.post(run+"/again", "key", p.key(t)).want(t, http.StatusSeeOther).location; again != next {
			t.Fatalf("two runs, %s and %s", next, again)
		}
		await(t, func() bool { return strings.Contains(alice.get(next).body, `data-step="more" data-step-state="now"`) })
		alice.get(next).want(t, http.StatusOK, `data-finding="heard"`)
		p = alice.get(next)
		over := alice.post(next+"/again", "key", p.key(t), "from", "start").want(t, http.StatusSeeOther).location
		alice.get(over).want(t, http.StatusOK, `data-step="knock" data-step-state="now"`).without(t, "data-finding")
		alice.get(next).want(t, http.StatusOK, "You ended it to start another one.")
	})
}

func TestRun_TheAcademyRestarted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors")
		alice.post(run+"/step", "key", alice.get(run).key(t), "step", "knock", "guess", "1").want(t, http.StatusSeeOther)
		restarted := newHouse(t, h.db)
		alice = restarted.person("alice")
		p := alice.get(run).want(t, http.StatusOK, "The Academy was restarted", "They heard <strong>1</strong>.", "Continue with step 2")
		alice.post(run+"/again", "key", p.key(t)).want(t, http.StatusSeeOther)
		alice.get("/experiments").want(t, http.StatusOK, `data-quota="1"`)
	})
}

func TestRun_NoMoreThanTwoAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		first := alice.start("doors")
		h.pass(time.Second)
		alice.start("doors")
		p := alice.get("/experiments/doors").want(t, http.StatusOK, `data-quota="0"`, "End “Doors &lt;&amp;&gt;” and start this")
		alice.post("/experiments/doors/runs", "key", p.key(t)).want(t, http.StatusConflict, "End one first.")
		alice.post("/experiments/doors/runs", "key", p.key(t), "end", idOf(first)).want(t, http.StatusSeeOther)
		alice.get(first).want(t, http.StatusOK, "You ended it to start another one.")
		h.person("bob").start("doors")

		h.labs.mu.Lock()
		h.labs.room = 0
		h.labs.mu.Unlock()
		bob := h.person("bob")
		bob.post("/experiments/doors/runs", "key", bob.get("/experiments/doors").key(t)).want(t, http.StatusServiceUnavailable, "All places for experiments are taken")
		bob.get("/experiments").want(t, http.StatusOK, `data-quota="1"`, "no capacity for another one")
	})
}

func TestRun_NoMoreThanItsShare(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		alice.start("doors")
		if s := h.labs.last; s.Account != "alice" || s.Network != "127.0.0.1" {
			t.Errorf("the experiment counts for account %q in network %q", s.Account, s.Network)
		}
		h.labs.mu.Lock()
		h.labs.shared = true
		h.labs.mu.Unlock()
		p := alice.post("/experiments/doors/runs", "key", alice.get("/experiments/doors").key(t)).want(t, http.StatusConflict, "choose a smaller set-up")
		h.labs.mu.Lock()
		h.labs.shared = false
		h.labs.mu.Unlock()
		alice.post("/experiments/doors/runs", "key", p.key(t)).want(t, http.StatusSeeOther) // what was refused does not count
	})
}

func TestRun_TakesItsRoles(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.person("alice").get("/experiments/rooms").want(t, http.StatusOK, "requires the role admin").without(t, `name="key"`)
		h.person("alice").post("/experiments/rooms/runs").want(t, http.StatusForbidden)
		run := h.person("root", "admin").start("rooms")
		h.person("root", "admin").get(run).want(t, http.StatusOK, `data-control="knock"`)
	})
}

func TestRun_ACrashIsToldAndTheStateStays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors", "mode", "free")
		alice.post(run+"/do", "key", alice.get(run).key(t), "control", "knock").want(t, http.StatusSeeOther)
		alice.post(run+"/do", "key", alice.get(run).key(t), "control", "panic")
		alice.get(run).want(t, http.StatusOK, "This experiment has ended", "The experiment failed", "Start again", `data-finding="heard" data-value="1"`)
	})
}

var watch = regexp.MustCompile(`hx-get="([^"]+)"`)

func TestLive_SendsWhatIsNewAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors", "mode", "free")
		p := alice.get(run)
		ask := func(p page) page {
			t.Helper()
			m := watch.FindStringSubmatch(p.body)
			if m == nil {
				t.Fatalf("nothing watches in\n%s", p.body)
			}
			return alice.get(strings.ReplaceAll(m[1], "&amp;", "&"), "HX-Request", "true")
		}
		ask(p).want(t, http.StatusNoContent)
		alice.post(run+"/do", "key", p.key(t), "control", "knock")
		news := ask(p).want(t, http.StatusOK, "#run-picture", "#run-log", "#run-found", "animateMotion").without(t, "#run-desk", "#run-state", "#run-shown")
		ask(news).want(t, http.StatusNoContent)
		answer := alice.do(http.MethodPost, run+"/do", "application/x-www-form-urlencoded", form("key", alice.get(run).key(t), "control", "knock", "arg.times", "77"), "HX-Request", "true")
		answer.want(t, http.StatusUnprocessableEntity, "#run-desk", "Times must be", "#run-watch")
		alice.post(run+"/end").want(t, http.StatusSeeOther)
		last := ask(news).want(t, http.StatusOK, "This experiment has ended")
		if watch.MatchString(last.body) {
			t.Error("a run that is over is still asked")
		}
		alice.get(run+"/live").want(t, http.StatusSeeOther)
	})
}

func TestRun_ThatIsNotReachedGoesOn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors")
		h.labs.cut(true)
		if p := alice.get(run).want(t, http.StatusServiceUnavailable); p.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		alice.post(run+"/do", "control", "knock").want(t, http.StatusServiceUnavailable)
		h.labs.cut(false)
		alice.get(run).want(t, http.StatusOK, `data-run-state="running"`)

		h.labs.cut(true)
		alice.post(run+"/end").want(t, http.StatusSeeOther)
		alice.get(run).want(t, http.StatusOK, "You ended it.")

		h.labs.cut(false)
		stuck := alice.start("doors")
		h.labs.cut(true)
		alice.post(stuck+"/again").want(t, http.StatusSeeOther)
		h.labs.cut(false)
		alice.get(stuck).want(t, http.StatusOK, `data-run-state="ended"`)
	})
}

func TestRun_AnOlderStateDoesNotReplaceANewerOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors")
		p := alice.get(run)
		alice.post(run+"/step", "key", p.key(t), "step", "knock", "guess", "1").want(t, http.StatusSeeOther)
		overtaken, err := h.labs.State(t.Context(), "", idOf(run), 0)
		if err != nil {
			t.Fatal(err)
		}
		alice.post(run+"/step", "key", p.key(t), "step", "more").want(t, http.StatusSeeOther)
		h.labs.late = &overtaken
		alice.get(run).want(t, http.StatusOK)
		h.labs.crash(idOf(run))
		alice.get(run).want(t, http.StatusOK, "This experiment has ended", "Continue with step 3")
	})
}

func TestTimeline_Exports(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		alice := h.person("alice")
		run := alice.start("doors")
		alice.post(run+"/step", "key", alice.get(run).key(t), "step", "knock", "guess", "1")
		check := func() {
			t.Helper()
			rows, err := csv.NewReader(strings.NewReader(alice.get(run+"/timeline.csv").want(t, http.StatusOK).body)).ReadAll()
			if err != nil || len(rows) != 3 || len(rows[0]) != 11 {
				t.Fatal(rows, err)
			}
			if r := rows[1]; r[2] != lab.Acted || r[3] != "You pressed “Knock”." {
				t.Fatal(r)
			}
			if r := rows[2]; r[3] != `'=HYPERLINK("knock")` || r[4] != "you" || r[5] != "door-1" || r[8] != "200" || r[9] != lab.Recognised {
				t.Fatal(r)
			}
			var j struct {
				Experiment string
				Findings   lab.Findings
				Events     []lab.Event
			}
			if err := json.Unmarshal([]byte(alice.get(run+"/timeline.json").want(t, http.StatusOK).body), &j); err != nil || j.Experiment != "doors" || len(j.Events) != 2 || j.Findings.Value("heard") != 1 {
				t.Fatal(j, err)
			}
		}
		check()
		alice.post(run+"/end").want(t, http.StatusSeeOther)
		check()
	})
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var _ academy.Labs = (*labs)(nil)

func TestRun_EndedWhileItStartsLeavesNothingRunning(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		opening, opened := make(chan struct{}), make(chan struct{})
		slow, quick := doors(), doors().Open
		slow.Open = func(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
			close(opening)
			<-opened
			return quick(ctx, b)
		}
		h.labs.experiments[0] = slow
		alice := h.person("alice")
		key := alice.get("/experiments/doors").key(t)
		started := make(chan page)
		go func() { started <- alice.post("/experiments/doors/runs", "key", key) }()
		<-opening
		run := "/runs/" + strings.ToLower(key[:16])
		h.person("alice").post(run+"/end").want(t, http.StatusSeeOther)
		close(opened)
		(<-started).want(t, http.StatusSeeOther)
		if running, _ := h.labs.Room(); running != 0 {
			t.Errorf("%d experiments run that count for nobody", running)
		}
		alice.get(run).want(t, http.StatusOK, "You ended it.")
	})
}

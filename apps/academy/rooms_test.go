package academy_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
)

var roomCode = regexp.MustCompile(`data-room-code[^>]*>([A-Z0-9]{6})<`)

// room is one that bob teaches: its address and its code.
func (h *house) room(t *testing.T, teacher *visitor) (path, code string) {
	t.Helper()
	made := teacher.post("/rooms", "title", "Monday <b>")
	if made.status != http.StatusSeeOther {
		t.Fatalf("opening a room: %d %s", made.status, made.body)
	}
	view := teacher.get(made.location)
	found := roomCode.FindStringSubmatch(view.body)
	if found == nil || !strings.Contains(view.body, "Monday &lt;b&gt;") {
		t.Fatalf("the room has no code, or not its name: %s", view.body)
	}
	return made.location, found[1]
}

func TestRooms_ClassSeesItselfAndTheTeacherNames(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bob, alice, carol := h.person("bob"), h.person("alice"), h.person("carol")
		path, code := h.room(t, bob)
		if p := alice.get("/join?code=" + strings.ToLower(code[:3]) + "-" + code[3:]); p.location != "/join/"+code {
			t.Errorf("a code as people write it leads to %q", p.location)
		}
		if p := alice.get("/join/" + code); p.status != http.StatusOK || !strings.Contains(p.body, "Join this room") {
			t.Errorf("asking before joining: %d", p.status)
		}
		for range 2 {
			if p := alice.post("/join/" + code); p.location != path {
				t.Errorf("joining leads to %q (%d)", p.location, p.status)
			}
		}
		if p := bob.get(path); !strings.Contains(p.body, "Alice") || strings.Contains(p.body, "No learners yet") {
			t.Error("the teacher does not see the learner")
		}
		if p := bob.get(path + "?page=9"); !strings.Contains(p.body, "Alice") {
			t.Error("a page past the end is not the last one")
		}
		if p := bob.get(path + "?names=hidden"); strings.Contains(p.body, "Alice") || !strings.Contains(p.body, "Learner 1") {
			t.Error("names that are hidden are shown")
		}
		if p := alice.get(path); p.status != http.StatusOK || strings.Contains(p.body, ">Alice</bdi>") {
			t.Errorf("a learner's view: %d, or it names learners", p.status)
		}
		if p := carol.get(path); p.status != http.StatusNotFound {
			t.Errorf("a stranger got %d", p.status)
		}
		if p := carol.post(path + "/close"); p.status != http.StatusNotFound {
			t.Errorf("a stranger closed it: %d", p.status)
		}
		if p := alice.post(path+"/leave", "learner", "bob"); p.location != "/rooms" {
			t.Errorf("leaving leads to %q", p.location)
		}
		if p := alice.get(path); p.status != http.StatusNotFound {
			t.Errorf("who has left still sees the room: %d", p.status)
		}
	})
}

func TestRooms_TeacherRemovesAndCloses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bob, alice := h.person("bob"), h.person("alice")
		path, code := h.room(t, bob)
		alice.post("/join/" + code)
		if p := bob.post(path + "/leave"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("removing nobody: %d", p.status)
		}
		if p := bob.post(path+"/leave", "learner", "alice"); p.location != path {
			t.Errorf("removing leads to %q", p.location)
		}
		for range 2 {
			if p := bob.post(path + "/close"); p.location != path {
				t.Errorf("closing leads to %q", p.location)
			}
		}
		if p := alice.post("/join/" + code); p.status != http.StatusConflict || !strings.Contains(p.body, "closed") {
			t.Errorf("joining a closed room: %d", p.status)
		}
		if p := alice.get("/join/" + code); p.status != http.StatusOK || strings.Contains(p.body, "Join this room") {
			t.Errorf("a closed room's page: %d", p.status)
		}
		if p := bob.get("/join/" + code); p.location != path {
			t.Errorf("a teacher's own code leads to %q", p.location)
		}
	})
}

func TestRooms_BadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bob := h.person("bob")
		for title, want := range map[string]string{"": "Give the room a name", "  ": "Give the room a name", strings.Repeat("x", 81): "80"} {
			if p := bob.post("/rooms", "title", title); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) {
				t.Errorf("title of %d characters: %d", len(title), p.status)
			}
		}
		first := bob.post("/rooms", "title", "Once", "key", "abcdefghijklmnop")
		again := bob.post("/rooms", "title", "Once", "key", "abcdefghijklmnop")
		if first.location == "" || first.location != again.location {
			t.Errorf("a double click opened %q and %q", first.location, again.location)
		}
		for _, code := range []string{"AAAAAA", "nope", "%3Cscript%3E", strings.Repeat("A", 300)} {
			if p := bob.get("/join/" + code); p.status != http.StatusNotFound || !strings.Contains(p.body, "No room has this code") || strings.Contains(p.body, "<script>") {
				t.Errorf("code %.20s: %d", code, p.status)
			}
		}
		if p := bob.get("/join?code="); p.location != "/rooms" {
			t.Errorf("no code leads to %q", p.location)
		}
		if p := bob.get("/rooms/none"); p.status != http.StatusNotFound {
			t.Errorf("no room: %d", p.status)
		}
		if p := h.guest().get("/rooms"); p.status != http.StatusServiceUnavailable {
			t.Errorf("a guest, while there is no portal to send them to, got %d", p.status)
		}
	})
}

func TestRooms_CodesCantBeGuessed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, code := h.room(t, h.person("bob"))
		alice := h.person("alice")
		for range 20 { // a right one costs nothing
			alice.get("/join/"+code).want(t, http.StatusOK, "Join this room")
		}
		statuses := make(chan int, 30)
		for range cap(statuses) { // all at once
			go func() { statuses <- h.person("alice").get("/join/AAAAAA").status }()
		}
		counts := map[int]int{}
		for range cap(statuses) {
			counts[<-statuses]++
		}
		if counts[http.StatusNotFound] != 10 || counts[http.StatusTooManyRequests] != 20 {
			t.Errorf("of 30 guesses: %v; want 10 that are looked at", counts)
		}
		p := alice.post("/join/"+code).want(t, http.StatusTooManyRequests, "Too many wrong codes. Wait ")
		if s, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || s < 1 || s > 900 {
			t.Errorf("Retry-After %q", p.header.Get("Retry-After"))
		}
		h.pass(15 * time.Minute)
		alice.get("/join/AAAAAA").want(t, http.StatusNotFound)
		alice.post("/join/"+code).want(t, http.StatusSeeOther)
	})
}

// Old counters are deleted in the background: that this fails is not the learner's fault.
func TestRooms_ARightCodeNeedsNoCleaning(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, code := h.room(t, h.person("bob"))
		statements := []string{`CREATE TRIGGER refuse BEFORE DELETE ON rate_limits BEGIN SELECT RAISE(ABORT, 'refused'); END`}
		if h.db.Dialect == db.Postgres {
			statements = []string{`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$`,
				`CREATE TRIGGER refuse BEFORE DELETE ON rate_limits FOR EACH STATEMENT EXECUTE FUNCTION refuse()`}
		}
		for _, s := range statements {
			if _, err := h.db.ExecContext(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		h.person("alice").get("/join/AAAAAA").want(t, http.StatusNotFound)
		h.pass(time.Hour) // its counters have ended
		h.person("alice").get("/join/"+code).want(t, http.StatusOK, "Join this room")
	})
}

func TestRooms_ManyAccountsOfOneNetworkGuessTogether(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		looked := 0
		for n := range 8 {
			v := h.person(fmt.Sprint("guest", n))
			for range 10 {
				if v.get("/join/AAAAAA").status == http.StatusNotFound {
					looked++
				}
			}
		}
		if looked != 60 {
			t.Errorf("%d guesses from one address were looked at, want 60", looked)
		}
		h.pass(15 * time.Minute)
		h.person("new").get("/join/AAAAAA").want(t, http.StatusNotFound)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = h.app.Run(ctx) })
		await(t, func() bool { // those of one person and one network are kept
			var rows int
			err := h.db.GetContext(t.Context(), &rows, "SELECT COUNT(*) FROM rate_limits")
			return err == nil && rows == 2
		})
		stop()
		running.Wait()
	})
}

package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/apps/academy/store"
	"gatehouse.example/db"
)

func openRoom(t *testing.T, s *store.Store, id, teacher string) store.Room {
	t.Helper()
	r, err := s.OpenRoom(t.Context(), id, store.Room{TeacherSub: teacher, TeacherName: strings.ToUpper(teacher), Title: "Monday"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRooms_OpenJoinLeaveClose(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		r := openRoom(t, s, "r1", "bob")
		if again := openRoom(t, s, "r1", "bob"); again != r {
			t.Errorf("the same form twice: %+v and %+v", r, again)
		}
		if len(r.Code) != 6 || !r.Open() {
			t.Errorf("%+v", r)
		}
		if found, err := s.RoomByCode(ctx, r.Code); err != nil || found.ID != "r1" {
			t.Errorf("by code: %+v, %v", found, err)
		}
		for range 2 {
			if err := s.JoinRoom(ctx, "r1", "alice", noon); err != nil {
				t.Fatal(err)
			}
		}
		if joined, _ := s.RoomsJoined(ctx, "alice"); len(joined) != 1 || joined[0].Members != 1 {
			t.Errorf("alice is in %+v", joined)
		}
		if err := s.CloseRoom(ctx, "r1", "alice", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a learner closed the room: %v", err)
		}
		for range 2 {
			if err := s.CloseRoom(ctx, "r1", "bob", noon); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.JoinRoom(ctx, "r1", "carol", noon); !errors.Is(err, store.ErrClosed) {
			t.Errorf("joined a closed room: %v", err)
		}
		if err := s.JoinRoom(ctx, "r1", "alice", noon); err != nil {
			t.Errorf("who is in already: %v", err)
		}
		if err := s.LeaveRoom(ctx, "r1", "alice"); err != nil {
			t.Fatal(err)
		}
		if in, err := s.Joined(ctx, "r1", "alice"); in || err != nil {
			t.Errorf("still in: %v, %v", in, err)
		}
		if err := s.JoinRoom(ctx, "none", "alice", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no such room: %v", err)
		}
		if _, err := s.RoomByCode(ctx, "AAAAAA"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no such code: %v", err)
		}
	})
}

func TestPruneTries_KeepsTheCountersOfOpenWindows(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, d *db.DB) {
		for key, at := range map[string]time.Time{"old": noon.Add(-time.Hour), "new": noon} {
			tries := []store.CodeTries{{Key: key, Limit: db.RateLimit{Max: 1, Window: time.Hour}}}
			if err := s.CountTry(t.Context(), tries, at); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PruneTries(t.Context(), noon); err != nil {
			t.Fatal(err)
		}
		var left []string
		if err := d.SelectContext(t.Context(), &left, `SELECT key FROM rate_limits`); err != nil || len(left) != 1 || left[0] != "new" {
			t.Errorf("left: %q, %v", left, err)
		}
	})
}

func TestOpenRoom_NoMoreThanTheLimitAlsoAtOnce(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		for i := range store.MaxRooms - 1 {
			openRoom(t, s, fmt.Sprintf("r%d", i), "bob")
		}
		var all sync.WaitGroup
		var opened atomic.Int64
		for i := range 40 {
			all.Go(func() {
				_, err := s.OpenRoom(t.Context(), fmt.Sprintf("more%d", i), store.Room{TeacherSub: "bob"}, noon)
				if err == nil {
					opened.Add(1)
				} else if !errors.Is(err, store.ErrManyRooms) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("%d rooms were opened where one was left", n)
		}
	})
}

func TestRooms_HaveBounds(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		for i := range store.MaxRooms {
			openRoom(t, s, fmt.Sprintf("r%d", i), "bob")
		}
		if _, err := s.OpenRoom(t.Context(), "more", store.Room{TeacherSub: "bob"}, noon); !errors.Is(err, store.ErrManyRooms) {
			t.Errorf("one room too many: %v", err)
		}
		var all sync.WaitGroup
		refused := make(chan error, store.MaxMembers+5)
		for i := range store.MaxMembers + 5 {
			all.Go(func() {
				if err := s.JoinRoom(t.Context(), "r0", fmt.Sprintf("learner-%d", i), noon); err != nil {
					refused <- err
				}
			})
		}
		all.Wait()
		close(refused)
		n := 0
		for err := range refused {
			n++
			if !errors.Is(err, store.ErrRoomFull) {
				t.Error(err)
			}
		}
		if r, _ := s.Room(t.Context(), "r0"); r.Members != store.MaxMembers || n != 5 {
			t.Errorf("%d members, %d refused", r.Members, n)
		}
	})
}

func TestClass_SaysHowFarEveryoneIs(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		openRoom(t, s, "r", "bob")
		for _, sub := range []string{"alice", "carol"} {
			if err := errors.Join(s.SeeLearner(ctx, sub, "Name of "+sub, noon), s.JoinRoom(ctx, "r", sub, noon)); err != nil {
				t.Fatal(err)
			}
		}
		right, wrong := sql.NullBool{Bool: true, Valid: true}, sql.NullBool{Valid: true}
		put(t, s, store.Answer{Sub: "alice", Lesson: "one", Question: "a", Given: "0", Correct: right}, noon)
		put(t, s, store.Answer{Sub: "alice", Lesson: "one", Question: "b", Given: "1", Correct: wrong}, noon)
		put(t, s, store.Answer{Sub: "carol", Lesson: "one", Question: "b", Given: "1", Correct: wrong}, noon)
		put(t, s, store.Answer{Sub: "carol", Lesson: "one", Question: "text", Given: "words"}, noon)
		put(t, s, store.Answer{Sub: "stranger", Lesson: "one", Question: "b", Given: "2", Correct: wrong}, noon)
		if err := errors.Join(s.FinishLesson(ctx, "alice", "one", noon), s.FinishLesson(ctx, "stranger", "one", noon)); err != nil {
			t.Fatal(err)
		}
		members, err := s.Members(ctx, "r", 1)
		if err != nil || len(members) != 2 {
			t.Fatalf("%+v, %v", members, err)
		}
		a, c := members[0], members[1]
		if a.Name != "Name of alice" || a.Lessons != 1 || a.Answers != 2 || a.Wrong != 1 || c.Lessons != 0 || c.Answers != 2 || c.Wrong != 1 || c.Running != "" {
			t.Errorf("%+v", members)
		}
		put(t, s, store.Answer{Sub: "alice", Lesson: "one", Question: "b", Given: "2", Correct: right}, noon) // corrected, and still got wrong
		tallies, err := s.Tallies(ctx, "r", 10)
		if err != nil || len(tallies) != 2 || tallies[0] != (store.Tally{Lesson: "one", Question: "b", Answers: 2, Wrong: 2}) || tallies[1].Wrong != 0 {
			t.Errorf("%+v, %v", tallies, err)
		}
		given, err := s.WrongAnswers(ctx, "r", "one", "b")
		if err != nil || len(given) != 1 || given[0] != (store.Given{Given: "1", People: 2}) {
			t.Errorf("%+v, %v", given, err)
		}
		lessons, experiments, err := s.ClassDone(ctx, "r")
		if err != nil || lessons["one"] != 1 || len(experiments) != 0 {
			t.Errorf("%v, %v, %v", lessons, experiments, err)
		}
		done, err := s.MembersDone(ctx, members)
		if err != nil || !done["alice"]["one"] || done["carol"]["one"] {
			t.Errorf("%v, %v", done, err)
		}
		if next, err := s.Members(ctx, "r", 2); err != nil || len(next) != 0 {
			t.Errorf("a second page: %v, %v", next, err)
		}
	})
}

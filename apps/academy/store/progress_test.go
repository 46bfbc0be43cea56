package store_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/academy/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// eachProgress runs the test on both databases.
func eachProgress(t *testing.T, test func(t *testing.T, s *store.Store, d *db.DB)) {
	t.Helper()
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		test(t, s, d)
	})
}

func put(t *testing.T, s *store.Store, a store.Answer, at time.Time) store.Answer {
	t.Helper()
	stored, err := s.PutAnswer(t.Context(), a, at)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestPutAnswer_KeepsTheLatestAndCountsTries(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		a := store.Answer{Sub: "alice", Lesson: "one", Question: "q", Given: "0", Correct: sql.NullBool{Valid: true}}
		if got := put(t, s, a, noon); got.Tries != 1 || got.Correct.Bool || !got.Correct.Valid {
			t.Errorf("first: %+v", got)
		}
		if got := put(t, s, a, noon); got.Tries != 1 {
			t.Errorf("the same again counts: %+v", got)
		}
		a.Given, a.Correct.Bool = "1", true
		if got := put(t, s, a, noon.Add(time.Minute)); got.Tries != 2 || !got.Correct.Bool || got.Given != "1" || got.AnsweredAt != noon.Add(time.Minute).UnixMilli() {
			t.Errorf("second: %+v", got)
		}
	})
}

func TestAnswers_AreOfOnePerson(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		long := strings.Repeat("語 <b>&'\"", 1000)
		put(t, s, store.Answer{Sub: "alice", Lesson: "one", Question: "q", Given: long}, noon)
		put(t, s, store.Answer{Sub: "alice", Lesson: "two", Question: "q", Given: "b"}, noon)
		put(t, s, store.Answer{Sub: "bob", Lesson: "one", Question: "q", Given: "c"}, noon)
		one, err := s.LessonAnswers(t.Context(), "alice", "one")
		if err != nil || len(one) != 1 || one["q"].Given != long || one["q"].Correct.Valid {
			t.Errorf("%d answers, %v", len(one), err)
		}
		all, err := s.Answers(t.Context(), "alice")
		if err != nil || len(all) != 2 || all["two"]["q"].Given != "b" {
			t.Errorf("%v, %v", all, err)
		}
		none, err := s.Answers(t.Context(), "carol")
		if err != nil || len(none) != 0 {
			t.Errorf("%v, %v", none, err)
		}
	})
}

func TestLessonsDone_CanBeTakenBack(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		for i, lesson := range []string{"one", "two", "one"} {
			if err := s.FinishLesson(t.Context(), "alice", lesson, noon.Add(time.Duration(i)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		done, err := s.LessonsDone(t.Context(), "alice")
		if err != nil || len(done) != 2 || !done["one"].Equal(noon) {
			t.Errorf("%v, %v", done, err)
		}
		for range 2 {
			if err := s.ReopenLesson(t.Context(), "alice", "one"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.ReopenLesson(t.Context(), "bob", "two"); err != nil {
			t.Fatal(err)
		}
		if done, err := s.LessonsDone(t.Context(), "alice"); err != nil || len(done) != 1 || done["two"].IsZero() {
			t.Errorf("%v, %v", done, err)
		}
	})
}

func TestSeeLearner_KeepsTheNewestName(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, d *db.DB) {
		for i, name := range []string{"Alice", "Alice Demo"} {
			if err := s.SeeLearner(t.Context(), "alice", name, noon.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		var got struct {
			Name  string `db:"name"`
			Since int64  `db:"since"`
			Seen  int64  `db:"seen_at"`
		}
		if err := d.GetContext(t.Context(), &got, `SELECT name, since, seen_at FROM learners`); err != nil {
			t.Fatal(err)
		}
		if got.Name != "Alice Demo" || got.Since != noon.UnixMilli() || got.Seen != noon.Add(time.Hour).UnixMilli() {
			t.Errorf("%+v", got)
		}
	})
}

// Two tabs answer at once: each answer is one try, and one of them is kept.
func TestPutAnswer_Together(t *testing.T) {
	eachProgress(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		var wg sync.WaitGroup
		for _, given := range []string{"0", "1", "2", "3"} {
			wg.Go(func() {
				if _, err := s.PutAnswer(t.Context(), store.Answer{Sub: "alice", Lesson: "one", Question: "q", Given: given}, noon); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := s.LessonAnswers(t.Context(), "alice", "one")
		if err != nil || got["q"].Tries != 4 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

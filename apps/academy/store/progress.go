package store

import (
	"context"
	"database/sql"
	"time"

	"gatehouse.example/db"
)

// Verdict says whether an answer is right. It is not Valid if the answer can't be judged.
type Verdict = sql.NullBool

// Answer is a user's latest answer to a question of a lesson.
type Answer struct {
	Sub        string  `db:"sub"`
	Lesson     string  `db:"lesson"`
	Question   string  `db:"question"`
	Given      string  `db:"given"`
	Correct    Verdict `db:"correct"`
	Tries      int     `db:"tries"`
	AnsweredAt int64   `db:"answered_at"`
}

const answerColumns = `sub, lesson, question, given, correct, tries, answered_at`

// SeeLearner stores a user's current name and the time of their last activity.
func (s *Store) SeeLearner(ctx context.Context, sub, name string, now time.Time) error {
	at := db.Millis(now)
	return db.Exec(ctx, s.db, "see learner", `INSERT INTO learners (sub, name, since, seen_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (sub) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at`, sub, name, at, at)
}

// PutAnswer stores an answer, replacing the previous one, and returns the stored row. Tries counts answers that
// differ from the previous one, so that a form sent twice counts once.
func (s *Store) PutAnswer(ctx context.Context, a Answer, now time.Time) (Answer, error) {
	missed := ""
	if a.Correct.Valid && !a.Correct.Bool {
		missed = a.Given
	}
	return db.One[Answer](ctx, s.db, "put answer", `INSERT INTO answers (`+answerColumns+`, missed) VALUES (?, ?, ?, ?, ?, 1, ?, ?)
		ON CONFLICT (sub, lesson, question) DO UPDATE SET
			missed = CASE WHEN answers.missed = '' THEN excluded.missed ELSE answers.missed END,
			tries = CASE WHEN answers.given = excluded.given THEN answers.tries ELSE answers.tries + 1 END,
			given = excluded.given, correct = excluded.correct, answered_at = excluded.answered_at
		RETURNING `+answerColumns, a.Sub, a.Lesson, a.Question, a.Given, a.Correct, db.Millis(now), missed)
}

// LessonAnswers returns a user's answers in a lesson, by question.
func (s *Store) LessonAnswers(ctx context.Context, sub, lesson string) (map[string]Answer, error) {
	list, err := s.answers(ctx, `SELECT `+answerColumns+` FROM answers WHERE sub = ? AND lesson = ?`, sub, lesson)
	if err != nil {
		return nil, err
	}
	by := make(map[string]Answer, len(list))
	for _, a := range list {
		by[a.Question] = a
	}
	return by, nil
}

// Answers returns all answers of a user, by lesson and question.
func (s *Store) Answers(ctx context.Context, sub string) (map[string]map[string]Answer, error) {
	list, err := s.answers(ctx, `SELECT `+answerColumns+` FROM answers WHERE sub = ?`, sub)
	if err != nil {
		return nil, err
	}
	by := map[string]map[string]Answer{}
	for _, a := range list {
		if by[a.Lesson] == nil {
			by[a.Lesson] = map[string]Answer{}
		}
		by[a.Lesson][a.Question] = a
	}
	return by, nil
}

func (s *Store) answers(ctx context.Context, query string, args ...any) ([]Answer, error) {
	return db.All[Answer](ctx, s.db, "answers", query, args...)
}

// FinishLesson stores that a user has finished a lesson. The first time is kept.
func (s *Store) FinishLesson(ctx context.Context, sub, lesson string, now time.Time) error {
	return db.Exec(ctx, s.db, "finish lesson", `INSERT INTO lessons_done (sub, lesson, done_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, sub, lesson, db.Millis(now))
}

// ReopenLesson undoes FinishLesson.
func (s *Store) ReopenLesson(ctx context.Context, sub, lesson string) error {
	return db.Exec(ctx, s.db, "reopen lesson", `DELETE FROM lessons_done WHERE sub = ? AND lesson = ?`, sub, lesson)
}

// LessonsDone returns the lessons that a user has finished, with the times.
func (s *Store) LessonsDone(ctx context.Context, sub string) (map[string]time.Time, error) {
	type row struct {
		Lesson string `db:"lesson"`
		DoneAt int64  `db:"done_at"`
	}
	list, err := db.All[row](ctx, s.db, "lessons done", `SELECT lesson, done_at FROM lessons_done WHERE sub = ?`, sub)
	if err != nil {
		return nil, err
	}
	by := make(map[string]time.Time, len(list))
	for _, l := range list {
		by[l.Lesson] = db.Time(l.DoneAt)
	}
	return by, nil
}

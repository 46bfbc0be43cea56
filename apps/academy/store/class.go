package store

import (
	"context"

	"gatehouse.example/db"
)

// MembersPerPage is the number of learners on a page of the class view.
const MembersPerPage = 40

// Member is a learner of a room, with their progress.
type Member struct {
	Sub         string `db:"sub"`
	Name        string `db:"name"`
	JoinedAt    int64  `db:"joined_at"`
	SeenAt      int64  `db:"seen_at"`
	Lessons     int    `db:"lessons"`     // done
	Experiments int    `db:"experiments"` // guided paths that were finished
	Answers     int    `db:"answers"`
	Wrong       int    `db:"wrong"`   // number of questions that were answered wrongly at least once
	Running     string `db:"running"` // experiment that is running; "" for none
	Step        int    `db:"step"`    // index of its next guided step
}

// Members returns a page of a room's learners, ordered by name; pages count from 1.
func (s *Store) Members(ctx context.Context, room string, page int) ([]Member, error) {
	return db.All[Member](ctx, s.db, "members", `SELECT m.sub, COALESCE(l.name, '') AS name, m.joined_at, COALESCE(l.seen_at, m.joined_at) AS seen_at,
			(SELECT COUNT(*) FROM lessons_done d WHERE d.sub = m.sub) AS lessons,
			(SELECT COUNT(*) FROM experiments_done e WHERE e.sub = m.sub) AS experiments,
			(SELECT COUNT(*) FROM answers a WHERE a.sub = m.sub) AS answers,
			(SELECT COUNT(*) FROM answers a WHERE a.sub = m.sub AND a.missed <> '') AS wrong,
			COALESCE((SELECT r.experiment FROM runs r WHERE r.sub = m.sub AND r.status = 'running' ORDER BY r.started_at DESC, r.id LIMIT 1), '') AS running,
			COALESCE((SELECT r.step FROM runs r WHERE r.sub = m.sub AND r.status = 'running' ORDER BY r.started_at DESC, r.id LIMIT 1), 0) AS step
		FROM room_members m LEFT JOIN learners l ON l.sub = m.sub
		WHERE m.room = ? ORDER BY COALESCE(l.name, ''), m.sub LIMIT ? OFFSET ?`, room, MembersPerPage, (page-1)*MembersPerPage)
}

// Tally counts a class's answers to a question.
type Tally struct {
	Lesson   string `db:"lesson"`
	Question string `db:"question"`
	Answers  int    `db:"answers"`
	Wrong    int    `db:"wrong"`
}

// Tallies returns the judged questions that a class answered, those with the most wrong answers first, at most limit.
// A wrong answer that was corrected later still counts as wrong.
func (s *Store) Tallies(ctx context.Context, room string, limit int) ([]Tally, error) {
	return db.All[Tally](ctx, s.db, "tallies", `SELECT a.lesson, a.question, COUNT(*) AS answers, SUM(CASE WHEN a.missed = '' THEN 0 ELSE 1 END) AS wrong
		FROM answers a JOIN room_members m ON m.sub = a.sub
		WHERE m.room = ? AND a.correct IS NOT NULL
		GROUP BY a.lesson, a.question ORDER BY wrong DESC, answers DESC, a.lesson, a.question LIMIT ?`, room, limit)
}

// WrongAnswers returns the most frequent wrong answers of a class to a question, with the number of learners. Only
// each learner's first wrong answer counts.
func (s *Store) WrongAnswers(ctx context.Context, room, lesson, question string) ([]Given, error) {
	return db.All[Given](ctx, s.db, "wrong answers", `SELECT a.missed AS given, COUNT(*) AS people
		FROM answers a JOIN room_members m ON m.sub = a.sub
		WHERE m.room = ? AND a.lesson = ? AND a.question = ? AND a.missed <> ''
		GROUP BY a.missed ORDER BY people DESC, a.missed LIMIT 5`, room, lesson, question)
}

// Given is an answer with the number of learners who gave it.
type Given struct {
	Given  string `db:"given"`
	People int    `db:"people"`
}

// ClassDone returns how many of a room's members have finished each lesson and each experiment.
func (s *Store) ClassDone(ctx context.Context, room string) (lessons, experiments map[string]int, err error) {
	if lessons, err = s.countBy(ctx, `SELECT d.lesson AS name, COUNT(*) AS people FROM lessons_done d JOIN room_members m ON m.sub = d.sub WHERE m.room = ? GROUP BY d.lesson`, room); err != nil {
		return nil, nil, err
	}
	experiments, err = s.countBy(ctx, `SELECT e.experiment AS name, COUNT(*) AS people FROM experiments_done e JOIN room_members m ON m.sub = e.sub WHERE m.room = ? GROUP BY e.experiment`, room)
	return lessons, experiments, err
}

func (s *Store) countBy(ctx context.Context, query, room string) (map[string]int, error) {
	type row struct {
		Name   string `db:"name"`
		People int    `db:"people"`
	}
	list, err := db.All[row](ctx, s.db, "class done", query, room)
	if err != nil {
		return nil, err
	}
	by := make(map[string]int, len(list))
	for _, l := range list {
		by[l.Name] = l.People
	}
	return by, nil
}

// MembersDone returns the lessons that each of the members has finished.
func (s *Store) MembersDone(ctx context.Context, members []Member) (map[string]map[string]bool, error) {
	by := map[string]map[string]bool{}
	if len(members) == 0 {
		return by, nil
	}
	subs := make([]string, len(members))
	for i, m := range members {
		subs[i], by[m.Sub] = m.Sub, map[string]bool{}
	}
	type row struct {
		Sub    string `db:"sub"`
		Lesson string `db:"lesson"`
	}
	list, err := db.All[row](ctx, s.db, "members done", `SELECT sub, lesson FROM lessons_done WHERE sub IN (?)`, subs)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		by[l.Sub][l.Lesson] = true
	}
	return by, nil
}

package academy

import (
	"context"
	"time"

	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/db"
)

// progress is a user's progress; empty for a guest.
type progress struct {
	Guest       bool
	Lessons     map[string]time.Time // done, by slug
	Answers     map[string]map[string]store.Answer
	Experiments map[string]store.ExperimentDone
}

func (a *App) progress(ctx context.Context, sub string) (p progress, err error) {
	if sub == "" {
		return progress{Guest: true}, nil
	}
	if p.Lessons, err = a.store.LessonsDone(ctx, sub); err != nil {
		return p, err
	}
	if p.Answers, err = a.store.Answers(ctx, sub); err != nil {
		return p, err
	}
	p.Experiments, err = a.store.ExperimentsDone(ctx, sub)
	return p, err
}

// done reports whether a lesson is done.
func (p progress) done(l *chapter.Lesson) bool { return !p.Lessons[l.Slug].IsZero() }

// answered returns how many of a lesson's questions have an answer, and how many of those answers are not wrong.
func (p progress) answered(l *chapter.Lesson) (given, right int) {
	for _, q := range l.Questions {
		a, ok := p.Answers[l.Slug][q.ID]
		if !ok || !q.Fits(a.Given) {
			continue
		}
		given++
		if q.Text() || q.Right(a.Given) {
			right++
		}
	}
	return given, right
}

// begun reports whether the user has done anything.
func (p progress) begun() bool { return len(p.Lessons)+len(p.Answers)+len(p.Experiments) > 0 }

// totals are the sums that the table of contents and the last page show.
type totals struct {
	Lessons, LessonsDone         int
	Questions, Answered          int
	Experiments, ExperimentsDone int
}

// share returns how much of everything is done, in percent.
func (t totals) share() int {
	all := t.Lessons + t.Questions + t.Experiments
	if all == 0 {
		return 0
	}
	return 100 * (t.LessonsDone + t.Answered + t.ExperimentsDone) / all
}

func (p progress) totals(c *chapter.Chapter) (t totals) {
	for _, l := range c.Lessons {
		t.Lessons++
		if p.done(l) {
			t.LessonsDone++
		}
		t.Questions += len(l.Questions)
		given, _ := p.answered(l)
		t.Answered += given
		for _, name := range experimentsOf(l) {
			t.Experiments++
			if _, ok := p.Experiments[name]; ok {
				t.ExperimentsDone++
			}
		}
	}
	return t
}

// experimentsOf returns the experiments of a lesson that can be finished. It leaves out the page of the
// installation's replicas, which is only for administrators.
func experimentsOf(l *chapter.Lesson) (names []string) {
	for _, b := range l.Blocks {
		if b.Kind == chapter.Experiment && b.Name != estateExperiment {
			names = append(names, b.Name)
		}
	}
	return names
}

// nextLesson returns the lesson to continue with: the one with the last activity, or the next one that is not done. It
// returns the first lesson for a new user, and nil if all lessons are done.
func (p progress) nextLesson(c *chapter.Chapter) *chapter.Lesson {
	var last *chapter.Lesson
	var at time.Time
	for _, l := range c.Lessons {
		if t := p.lastActivity(l); t.After(at) {
			last, at = l, t
		}
	}
	if last != nil && !p.done(last) {
		return last
	}
	for l := last; l != nil; l = l.Next {
		if !p.done(l) {
			return l
		}
	}
	for _, l := range c.Lessons {
		if !p.done(l) {
			return l
		}
	}
	return nil
}

// lastActivity returns the time of the user's last activity in a lesson.
func (p progress) lastActivity(l *chapter.Lesson) time.Time {
	at := p.Lessons[l.Slug]
	newer := func(t time.Time) {
		if t.After(at) {
			at = t
		}
	}
	for _, a := range p.Answers[l.Slug] {
		newer(db.Time(a.AnsweredAt))
	}
	for _, name := range experimentsOf(l) {
		newer(db.Time(p.Experiments[name].DoneAt))
	}
	return at
}

package chapter_test

import (
	"io/fs"
	"regexp"
	"slices"
	"testing"

	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/diagram"
)

// slugs are the lessons that come with the Academy, in their order.
var slugs = []string{
	"introduction", "objectives", "the-bank",
	"up-or-out", "notebook-in-the-branch", "sticky-sessions", "shared-notebook", "the-card", "single-sign-on-seen", "steal-the-token",
	"ban-on-500-servers", "what-a-check-costs", "email-index", "another-provider", "whole-estate",
	"good-practice", "common-mistakes", "exercises", "coding-challenge", "questions", "interview", "faq", "summary", "what-next",
}

// experiments are what the chapter tries out; the lesson of each bears its name.
var experiments = slugs[3:15]

func content(t *testing.T) *chapter.Chapter {
	t.Helper()
	c, faults := chapter.Load(chapter.Options{Files: chapter.Content(), Diagrams: diagram.Names()})
	for _, f := range faults {
		t.Errorf("%s", f)
	}
	return c
}

func TestContent_IsTheChapter(t *testing.T) {
	c := content(t)
	var found []string
	for _, l := range c.Lessons {
		found = append(found, l.Slug)
	}
	if !slices.Equal(found, slugs) {
		t.Errorf("lessons %q", found)
	}
	if m := c.Minutes(); m < 33 || m > 37 {
		t.Errorf("%d minutes of reading; the chapter promises about 35", m)
	}
	for _, name := range experiments {
		if l := c.With(name); l == nil || l.Slug != name {
			t.Errorf("no lesson for the experiment %q, or another one: %v", name, l)
		}
	}
}

func TestContent_ChecksEachExperiment(t *testing.T) {
	c := content(t)
	for _, name := range experiments {
		l := c.Lesson(name)
		if l == nil {
			t.Fatalf("there is no lesson %q", name)
		}
		if n := len(l.Questions); n < 1 || n > 3 {
			t.Errorf("%s asks %d questions; a check has one to three", name, n)
		}
		i := slices.IndexFunc(l.Blocks, func(b chapter.Block) bool { return b.Heading == "Check yourself" })
		if i < 0 {
			t.Errorf("%s has no check", name)
			continue
		}
		for _, b := range l.Blocks[:i] {
			if b.Question != nil {
				t.Errorf("%s asks %q before its check", name, b.Question.ID)
			}
		}
	}
}

// A learner who was wrong should always hear why.
func TestContent_SaysWhyOfEachAnswer(t *testing.T) {
	for _, l := range content(t).Lessons {
		for _, q := range l.Questions {
			for i, o := range q.Options {
				if o.Why == "" {
					t.Errorf("%s, %s: option %d does not say why", l.Slug, q.ID, i+1)
				}
			}
			if q.Kind == chapter.Order && q.Why == "" {
				t.Errorf("%s, %s: does not say why this is the order", l.Slug, q.ID)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(/lessons/([^)#]*)`)

func TestContent_LinksToLessonsThatExist(t *testing.T) {
	names, err := fs.Glob(chapter.Content(), "*.md")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	c := content(t)
	for _, name := range names {
		source, err := fs.ReadFile(chapter.Content(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(source), -1) {
			if c.Lesson(m[1]) == nil {
				t.Errorf("%s links to the lesson %q, which there is not", name, m[1])
			}
		}
	}
}

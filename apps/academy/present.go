package academy

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// slide is one screen of a lesson.
type slide struct {
	Heading string // of its section
	Blocks  []chapter.Block
	Ask     *chapter.Question // a question without its answer
	Answer  *chapter.Question // its answer
	Card    *experimentCard   // an experiment
	Step    *stepSlide        // of its guided path
}

// stepSlide is a step of a guided path, to do together.
type stepSlide struct {
	Experiment, URL string
	N, Of           int
	Title           string
	Do, Result, Why string // HTML; the result is from the presenter's last run, "" if that did not get there
	Expect          *lab.Expect
}

// presentView is a lesson as slides for a projector.
type presentView struct {
	Shell    components.Shell
	Lesson   *chapter.Lesson
	Slide    slide
	N, Of    int
	Previous string // address; "" for none
	Next     string
}

// present handles GET /lessons/:lesson/present: it shows one slide of a lesson.
func (a *App) present(c echo.Context) error {
	l, err := a.findLesson(c)
	if err != nil {
		return err
	}
	slides, err := a.slides(c, l)
	if err != nil {
		return err
	}
	v := presentView{Shell: shell(c, l.Title, "/"), Lesson: l, Of: len(slides), N: web.Int(c, "slide", 1, 1, len(slides))}
	v.Slide = slides[v.N-1]
	switch {
	case v.N > 1:
		v.Previous = presentURL(l, v.N-1)
	case l.Previous != nil:
		v.Previous = presentURL(l.Previous, 1)
	}
	switch {
	case v.N < v.Of:
		v.Next = presentURL(l, v.N+1)
	case l.Next != nil:
		v.Next = presentURL(l.Next, 1)
	}
	return web.Render(c, http.StatusOK, presentPage(v))
}

func presentURL(l *chapter.Lesson, n int) string {
	if n == 1 {
		return lessonURL(l) + "/present"
	}
	return fmt.Sprintf("%s/present?slide=%d", lessonURL(l), n)
}

// slides splits a lesson into slides: its title, then one for each heading, question, answer, experiment and step.
func (a *App) slides(c echo.Context, l *chapter.Lesson) ([]slide, error) {
	list := []slide{{}} // the title
	heading := ""
	for _, b := range l.Blocks {
		if b.Heading != "" {
			heading = b.Heading
		}
		switch b.Kind {
		case chapter.Ask:
			list = append(list, slide{Heading: heading, Ask: b.Question}, slide{Heading: heading, Answer: b.Question})
		case chapter.Experiment:
			card, err := a.card(c, b)
			if err != nil {
				return nil, err
			}
			list = append(list, slide{Heading: heading, Card: &card})
			list = append(list, a.stepSlides(b, card)...)
		default:
			last := &list[len(list)-1]
			if b.Heading != "" || len(last.Blocks) == 0 {
				list = append(list, slide{Heading: heading})
				last = &list[len(list)-1]
			}
			last.Blocks = append(last.Blocks, b)
		}
	}
	// A heading directly followed by a question needs no slide of its own.
	kept := list[:1]
	for _, s := range list[1:] {
		if len(s.Blocks) == 1 && s.Blocks[0].Bare {
			continue
		}
		kept = append(kept, s)
	}
	return kept, nil
}

func (a *App) stepSlides(b chapter.Block, card experimentCard) (list []slide) {
	e, _ := a.experiment(b.Name)
	for i, s := range e.Steps {
		list = append(list, slide{Heading: e.Title, Step: &stepSlide{
			Experiment: e.Title, URL: card.URL, N: i + 1, Of: len(e.Steps),
			Title: s.Title, Do: markdown(s.Do, nil), Result: resultOf(s, card.measured), Why: markdown(s.Why, card.measured), Expect: s.Expect,
		}})
	}
	return list
}

// resultOf returns the result text of a step, or "" if one of its findings was not measured.
func resultOf(s lab.Step, found lab.Findings) string {
	named := placeholder.FindAllStringSubmatch(s.Result, -1)
	if len(named) == 0 || slices.ContainsFunc(named, func(m []string) bool { return !found.Has(m[1]) }) {
		return ""
	}
	return markdown(s.Result, found)
}

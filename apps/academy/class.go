package academy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// Limits of the class view.
const (
	maxQuestions = 10   // with the most wrong answers
	maxRoomPage  = 1000 // limits the page number in the address
	maxSubject   = 255  // characters of a sub (OpenID Connect Core §2)
)

// classView is the page of a room: with names for its teacher, without for its learners.
type classView struct {
	Shell     components.Shell
	Room      store.Room
	Teaches   bool
	Names     bool // shown; the teacher may hide them, for a projector
	Link      string
	Members   []memberView
	Pages     components.Pages
	Lessons   []lessonDone
	Questions []questionWrong
	Finished  map[string]int // number of learners who finished each experiment
}

type memberView struct {
	store.Member
	Lessons []bool // whether each is done, in the chapter's order
	Running string // title of the running experiment, and its step
}

type lessonDone struct {
	Lesson      *chapter.Lesson
	People      int
	Experiments int // people at the end of its experiments' guided paths
	Tried       bool
}

// questionWrong is a question with wrong answers.
type questionWrong struct {
	Lesson   *chapter.Lesson
	Question *chapter.Question
	Answers  int
	Wrong    int
	Given    []wrongAnswer
}

type wrongAnswer struct {
	HTML   []string // the chosen options, or the lines as arranged
	People int
}

// room handles GET /rooms/:room: it shows the class view. It returns a not-found error to users who are neither the
// room's teacher nor a member.
func (a *App) room(c echo.Context) error {
	ctx := c.Request().Context()
	r, err := a.findRoom(c)
	if err != nil {
		return err
	}
	v := classView{Room: r, Teaches: r.TeacherSub == apps.Subject(c), Link: a.Estate.URL(service) + "/join/" + r.Code}
	v.Names = v.Teaches && c.QueryParam("names") != "hidden"
	v.Shell = shell(c, r.Title, "/rooms")
	page, pages, _ := db.Page(web.Int(c, "page", 1, 1, maxRoomPage), r.Members, store.MembersPerPage)
	v.Pages = components.Pages{Page: page, Total: pages, Label: "Learners",
		URL: func(n int) string { return v.url(n, v.Names) }}
	if v.Teaches {
		if v.Members, err = a.members(c, r, v.Pages.Page); err != nil {
			return err
		}
	}
	done, finished, err := a.store.ClassDone(ctx, r.ID)
	if err != nil {
		return err
	}
	v.Finished = finished
	for _, l := range a.chapter.Lessons {
		d := lessonDone{Lesson: l, People: done[l.Slug]}
		for _, name := range experimentsOf(l) {
			d.Tried = true
			d.Experiments += finished[name]
		}
		v.Lessons = append(v.Lessons, d)
	}
	if v.Questions, err = a.wrongQuestions(c, r); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, classPage(v), classBody(v))
}

// findRoom returns the room of the address if the user may see it, and otherwise a not-found error.
func (a *App) findRoom(c echo.Context) (store.Room, error) {
	ctx := c.Request().Context()
	if !idForm.MatchString(c.Param("room")) {
		return store.Room{}, web.NotFound("This room")
	}
	r, err := a.store.Room(ctx, c.Param("room"))
	if err == nil && r.TeacherSub != apps.Subject(c) {
		var in bool
		if in, err = a.store.Joined(ctx, r.ID, apps.Subject(c)); err == nil && !in {
			err = store.ErrNotFound
		}
	}
	return r, apps.NotFound(err, "This room")
}

func (a *App) members(c echo.Context, r store.Room, page int) ([]memberView, error) {
	ctx := c.Request().Context()
	list, err := a.store.Members(ctx, r.ID, page)
	if err != nil {
		return nil, err
	}
	done, err := a.store.MembersDone(ctx, list)
	if err != nil {
		return nil, err
	}
	views := make([]memberView, 0, len(list))
	for _, m := range list {
		v := memberView{Member: m}
		for _, l := range a.chapter.Lessons {
			v.Lessons = append(v.Lessons, done[m.Sub][l.Slug])
		}
		if e, there := a.experiment(m.Running); there {
			v.Running = e.Title
			if len(e.Steps) > 0 {
				v.Running += ", step " + strconv.Itoa(min(m.Step+1, len(e.Steps))) + " of " + strconv.Itoa(len(e.Steps))
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// wrongQuestions returns the questions that the class answered wrongly, with the wrong answers.
func (a *App) wrongQuestions(c echo.Context, r store.Room) (list []questionWrong, err error) {
	ctx := c.Request().Context()
	tallies, err := a.store.Tallies(ctx, r.ID, maxQuestions)
	if err != nil {
		return nil, err
	}
	for _, t := range tallies {
		l := a.chapter.Lesson(t.Lesson)
		if l == nil || t.Wrong == 0 {
			continue // the lesson does not exist anymore
		}
		q := l.Question(t.Question)
		if q == nil {
			continue
		}
		w := questionWrong{Lesson: l, Question: q, Answers: t.Answers, Wrong: t.Wrong}
		given, err := a.store.WrongAnswers(ctx, r.ID, t.Lesson, t.Question)
		if err != nil {
			return nil, err
		}
		for _, g := range given {
			w.Given = append(w.Given, wrongAnswer{HTML: answerHTML(q, g.Given), People: g.People})
		}
		list = append(list, w)
	}
	return list, nil
}

// answerHTML returns the chosen options of an answer as HTML, or its lines as arranged.
func answerHTML(q *chapter.Question, given string) (html []string) {
	if q.Kind == chapter.Order {
		for _, i := range q.Arranged(given) {
			html = append(html, q.Lines[i])
		}
		return html
	}
	chosen := q.Chosen(given)
	for i, o := range q.Options {
		if chosen[i] {
			html = append(html, o.HTML)
		}
	}
	return html
}

func (a *App) closeRoom(c echo.Context) error {
	r, err := a.findRoom(c)
	if err == nil {
		err = a.store.CloseRoom(c.Request().Context(), r.ID, apps.Subject(c), a.Now())
	}
	if err != nil {
		return apps.NotFound(err, "This room")
	}
	web.Flash(c, "success", "The room is closed to new learners. You can still view it.")
	return web.SeeOther(c, roomURL(r))
}

// leaveRoom handles POST /rooms/:room/leave: it removes the user from the room, or, for the teacher, the chosen
// learner.
func (a *App) leaveRoom(c echo.Context) error {
	r, err := a.findRoom(c)
	if err != nil {
		return err
	}
	who, to := apps.Subject(c), "/rooms"
	if r.TeacherSub == who {
		if who, err = web.Text(c, "learner", maxSubject); err != nil {
			return err
		}
		if who == "" {
			return web.Invalid("Choose the learner to remove.")
		}
		to = roomURL(r)
	}
	if err := a.store.LeaveRoom(c.Request().Context(), r.ID, who); err != nil {
		return err
	}
	if to == "/rooms" {
		web.Flash(c, "success", "You've left the room. Its teacher can no longer see your progress.")
	}
	return web.SeeOther(c, to)
}

func (v classView) url(page int, names bool) string {
	var q []string
	if page > 1 {
		q = append(q, "page="+strconv.Itoa(page))
	}
	if !names && v.Teaches {
		q = append(q, "names=hidden")
	}
	return strings.TrimSuffix(roomURL(v.Room)+"?"+strings.Join(q, "&"), "?")
}

// share returns part of whole in percent, rounded down.
func share(part, whole int) int {
	if whole == 0 {
		return 0
	}
	return 100 * part / whole
}

// doneOf returns the number of lessons that a learner has finished.
func (m memberView) doneOf() int {
	n := 0
	for _, done := range m.Lessons {
		if done {
			n++
		}
	}
	return n
}

// begun reports whether any learner has finished a lesson or an experiment.
func (v classView) begun() bool {
	return slices.ContainsFunc(v.Lessons, func(l lessonDone) bool { return l.People > 0 || l.Experiments > 0 })
}

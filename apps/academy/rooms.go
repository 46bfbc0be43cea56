package academy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// maxTitle is the maximum length of a room's title in characters.
const maxTitle = 80

// roomsView lists the rooms that the user teaches and those that the user has joined.
type roomsView struct {
	Shell           components.Shell
	Taught, Joined  []store.Room
	Title, TitleErr string
	Code, CodeErr   string
	Key             string // of the form that opens a room: sending it twice opens one room
}

func (a *App) rooms(c echo.Context) error {
	return a.showRooms(c, http.StatusOK, roomsView{})
}

func (a *App) showRooms(c echo.Context, status int, v roomsView) (err error) {
	ctx, sub := c.Request().Context(), apps.Subject(c)
	v.Shell, v.Key = shell(c, "Rooms", "/rooms"), store.NewID()
	if v.Taught, err = a.store.RoomsOf(ctx, sub); err != nil {
		return err
	}
	if v.Joined, err = a.store.RoomsJoined(ctx, sub); err != nil {
		return err
	}
	return web.Render(c, status, roomsPage(v))
}

func (a *App) openRoom(c echo.Context) error {
	title, err := web.Text(c, "title", maxTitle)
	if err != nil {
		return a.showRooms(c, http.StatusUnprocessableEntity, roomsView{Title: c.FormValue("title"), TitleErr: userMessage(err)})
	}
	if title == "" {
		return a.showRooms(c, http.StatusUnprocessableEntity, roomsView{TitleErr: "Give the room a name, such as “Monday, 10 o'clock”."})
	}
	id := c.FormValue("key")
	if !idForm.MatchString(id) {
		id = store.NewID()
	}
	p := rp.From(c.Request())
	r, err := a.store.OpenRoom(c.Request().Context(), id, store.Room{TeacherSub: p.Subject, TeacherName: p.Name, Title: title}, a.Now())
	if errors.Is(err, store.ErrManyRooms) {
		return a.showRooms(c, http.StatusUnprocessableEntity, roomsView{Title: title, TitleErr: "You have 20 open rooms. Close one first."})
	} else if err != nil {
		return err
	}
	return web.SeeOther(c, roomURL(r))
}

// joinByCode handles GET /join: it redirects to the page of the entered code.
func (a *App) joinByCode(c echo.Context) error {
	code := readCode(c.QueryParam("code"))
	if code == "" {
		return web.SeeOther(c, "/rooms")
	}
	return web.SeeOther(c, "/join/"+code)
}

// joinView is the page that asks for consent before a teacher can see the user's progress.
type joinView struct {
	Shell  components.Shell
	Room   store.Room
	Joined bool
}

// withRoomOfCode returns a handler that calls next with the room of the code in the address. It shows the list of rooms
// if there is none, and redirects the room's teacher to it.
func (a *App) withRoomOfCode(next func(c echo.Context, r store.Room) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, err := a.roomOfCode(c)
		switch {
		case err != nil:
			return err
		case r.ID == "":
			return a.noSuchCode(c)
		case r.TeacherSub == apps.Subject(c):
			return web.SeeOther(c, roomURL(r))
		}
		return next(c, r)
	}
}

func (a *App) joinPage(c echo.Context, r store.Room) error {
	joined, err := a.store.Joined(c.Request().Context(), r.ID, apps.Subject(c))
	if err != nil {
		return err
	}
	if joined {
		return web.SeeOther(c, roomURL(r))
	}
	return web.Render(c, http.StatusOK, joinRoomPage(joinView{Shell: shell(c, "Join a room", "/rooms"), Room: r}))
}

func (a *App) join(c echo.Context, r store.Room) error {
	if err := a.noteLearner(c); err != nil {
		return err
	}
	switch err := a.store.JoinRoom(c.Request().Context(), r.ID, apps.Subject(c), a.Now()); {
	case errors.Is(err, store.ErrClosed):
		return web.Fail(http.StatusConflict, "room_closed", "The teacher has closed this room to new learners.").WithTitle("This room is closed")
	case errors.Is(err, store.ErrRoomFull):
		return web.Fail(http.StatusConflict, "room_full", "This room is full. Ask your teacher to open another one.").WithTitle("This room is full")
	case errors.Is(err, store.ErrNotFound):
		return a.noSuchCode(c)
	case err != nil:
		return err
	}
	return web.SeeOther(c, roomURL(r))
}

// Limits of wrong codes. A code is one of 31⁶; a class behind one address may mistype its own.
var (
	triesPerPerson  = db.RateLimit{Max: 10, Window: 15 * time.Minute}
	triesPerNetwork = db.RateLimit{Max: 60, Window: 15 * time.Minute}
)

// roomOfCode returns the room with the code of the address, or a Room without ID if there is none. It returns a 429
// error after too many wrong codes. A try is counted before the code is looked up, so that concurrent tries are
// counted too.
func (a *App) roomOfCode(c echo.Context) (store.Room, error) {
	ctx := c.Request().Context()
	tries := []store.CodeTries{{Key: a.hashed("person " + apps.Subject(c)), Limit: triesPerPerson}, {Key: a.hashed("network " + web.ClientNetwork(c)), Limit: triesPerNetwork}}
	err := a.store.CountTry(ctx, tries, a.Now())
	var tooMany *db.RateLimitError
	if errors.As(err, &tooMany) {
		return store.Room{}, web.TooManyRequests("too_many_codes", "Too many wrong codes. Wait %s and ask your teacher for the code.", tooMany.Wait)
	}
	if err != nil {
		return store.Room{}, err
	}
	r, err := a.store.RoomByCode(ctx, readCode(c.Param("code")))
	if errors.Is(err, store.ErrNotFound) {
		return store.Room{}, nil
	}
	if err != nil {
		return r, err
	}
	return r, a.store.ForgiveTry(ctx, tries)
}

// hashed returns a keyed hash of the name of a user or network, which the database stores instead of the name. A new
// session key begins the counts anew.
func (a *App) hashed(name string) string {
	mac := hmac.New(sha256.New, a.Keys[0])
	mac.Write([]byte("code tries: " + name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (a *App) noSuchCode(c echo.Context) error {
	code := []rune(c.Param("code"))
	return a.showRooms(c, http.StatusNotFound, roomsView{Code: string(code[:min(len(code), 12)]), CodeErr: "No room has this code. Check it with your teacher."})
}

// readCode returns a typed code in stored form: in upper case, without hyphens and spaces. It returns "" if the code
// is not well-formed.
func readCode(typed string) string {
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
	if len(code) > 12 {
		return ""
	}
	for _, r := range code {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return ""
		}
	}
	return code
}

// userMessage returns the message of an error for users.
func userMessage(err error) string {
	var e *web.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "This input can't be accepted."
}

// toRoom redirects a GET of a form's target address to the room.
func (a *App) toRoom(c echo.Context) error {
	return web.SeeOther(c, "/rooms/"+url.PathEscape(c.Param("room")))
}

func roomURL(r store.Room) string { return "/rooms/" + r.ID }

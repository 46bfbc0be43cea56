package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/web"
)

// maxReason is the longest reason of a ban, in characters.
const maxReason = 500

// terms are the durations of a ban that the form offers. The key "date" uses the date field beside it.
var terms = []struct {
	key, label string
	lasts      time.Duration
}{
	{"never", "For good, until it is lifted", 0},
	{"hour", "One hour", time.Hour},
	{"day", "One day", 24 * time.Hour},
	{"week", "One week", 7 * 24 * time.Hour},
	{"date", "Until a date", 0},
}

// longestBan is the furthest end of a ban that can be chosen; a longer one has to be permanent.
const longestBan = 10 * 366 * 24 * time.Hour

type banView struct {
	frame
	User         store.User
	Reason, Term string
	Date         string
	Tomorrow     string // the earliest date that the form offers; until accepts today as well
	Faults       map[string]string
}

func (a *Console) banFrame(c echo.Context, u store.User) frame {
	return a.frame(c, "Ban "+u.Name+"?", "Nothing happens before you press the button below.", "people",
		components.NavItem{Label: "People", URL: peoplePath}, components.NavItem{Label: u.Name, URL: personURL(u.ID)})
}

// banForm handles GET /admin/people/:id/ban.
func (a *Console) banForm(c echo.Context, me Admin) error {
	u, err := a.bannable(c, me)
	if err != nil {
		return err
	}
	if u.Disabled(a.Now()) {
		return alreadyBanned(c, u)
	}
	view := banView{User: u, Term: "never"}
	if typed := a.draft(c); typed != nil {
		view.Reason, view.Term, view.Date = typed.Get("reason"), typed.Get("until"), typed.Get("date")
	}
	return a.showBan(c, http.StatusOK, view)
}

func (a *Console) showBan(c echo.Context, status int, view banView) error {
	view.frame = a.banFrame(c, view.User)
	view.Tomorrow = a.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	return web.Render(c, status, banPage(view))
}

// bannable returns the user that the path names. It returns an error if the user does not exist or is me.
func (a *Console) bannable(c echo.Context, me Admin) (store.User, error) {
	u, err := a.someoneLiving(c)
	if err == nil && u.ID == me.ID {
		return u, web.Invalid("This is your own account. Nobody can ban themselves: ask another administrator, or give up the role.").WithTitle("You cannot ban yourself")
	}
	return u, err
}

// ban handles POST /admin/people/:id/ban with the fields reason, until and date.
func (a *Console) ban(c echo.Context, me Admin) error {
	u, err := a.bannable(c, me)
	if err != nil {
		return err
	}
	form := c.Request().PostForm
	view := banView{User: u, Reason: strings.TrimSpace(form.Get("reason")), Term: form.Get("until"), Date: form.Get("date"), Faults: map[string]string{}}
	reason, err := web.Text(c, "reason", maxReason)
	switch {
	case reason == "" && err == nil:
		view.Faults["reason"] = "Say why, for the other administrators."
	case err != nil && len([]rune(view.Reason)) > maxReason:
		view.Faults["reason"] = fmt.Sprintf("Use at most %d characters; these are %s.", maxReason, components.Count(len([]rune(view.Reason))))
	case err != nil:
		return err
	}
	until, fault := a.until(form)
	if fault != "" {
		view.Faults["date"] = fault
	}
	if len(view.Faults) > 0 {
		return a.showBan(c, http.StatusUnprocessableEntity, view)
	}
	detail := map[string]any{"reason": reason}
	if !until.IsZero() {
		detail["until"] = until.UTC().Format(time.RFC3339)
	}
	done, err := a.Revoker.Revoke(c.Request().Context(), revoke.Request{
		UserID: u.ID, Reason: revoke.Banned, Note: reason, By: me.ID, Client: portalID,
		With: []store.Change{store.BanUser(u.ID, reason, until, a.Now()), a.audit(c, me, actBanned, kindPerson, u.ID, u.Email, detail)},
	})
	switch {
	case errors.Is(err, store.ErrBanned):
		return alreadyBanned(c, u)
	case errors.Is(err, store.ErrLastAdmin):
		view.Faults[""] = u.Name + " is the only administrator who can sign in. Make somebody else an administrator first."
		return a.showBan(c, http.StatusConflict, view)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This person")
	case err != nil:
		return err
	}
	return leadOn(c, receiptURL(done.Ending))
}

// until returns when the ban of the form ends, zero for never, or a message that says what is wrong.
func (a *Console) until(form url.Values) (until time.Time, fault string) {
	for _, t := range terms {
		if t.key != form.Get("until") {
			continue
		}
		if t.key != "date" {
			// Otherwise, a date beside another choice would result in a ban of unintended length.
			if strings.TrimSpace(form.Get("date")) != "" {
				return time.Time{}, fmt.Sprintf("“%s” is chosen above. Choose “Until a date”, or empty this field.", t.label)
			}
			if t.lasts == 0 {
				return time.Time{}, ""
			}
			return a.Now().Add(t.lasts), ""
		}
		day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(form.Get("date")), time.UTC)
		until = day.AddDate(0, 0, 1) // the ban includes that day
		switch {
		case err != nil:
			return time.Time{}, "Enter the last day of the ban."
		case !until.After(a.Now()):
			return time.Time{}, "This day is over. Choose today or a later one."
		case until.Sub(a.Now()) > longestBan:
			return time.Time{}, "This is more than ten years away. Ban for good instead."
		}
		return until, ""
	}
	return time.Time{}, "Choose when the ban ends."
}

// alreadyBanned redirects to the user's page with a message: another administrator was quicker, or the button was
// pressed twice.
func alreadyBanned(c echo.Context, u store.User) error {
	web.Flash(c, "info", u.Name+" is banned already.")
	return leadOn(c, personURL(u.ID))
}

type unbanView struct {
	frame
	User store.User
}

// unbanForm handles GET /admin/people/:id/unban.
func (a *Console) unbanForm(c echo.Context, _ Admin) error {
	u, err := a.someoneLiving(c)
	if err != nil {
		return err
	}
	if !u.Disabled(a.Now()) {
		return notBanned(c, u)
	}
	view := unbanView{User: u, frame: a.frame(c, "Lift the ban of "+u.Name+"?", "", "people",
		components.NavItem{Label: "People", URL: peoplePath}, components.NavItem{Label: u.Name, URL: personURL(u.ID)})}
	return web.Render(c, http.StatusOK, unbanPage(view))
}

// unban handles POST /admin/people/:id/unban.
func (a *Console) unban(c echo.Context, me Admin) error {
	u, err := a.someoneLiving(c)
	if err != nil {
		return err
	}
	err = a.Store.Apply(c.Request().Context(), store.UnbanUser(u.ID, a.Now()), a.audit(c, me, actUnbanned, kindPerson, u.ID, u.Email, nil))
	switch {
	case errors.Is(err, store.ErrNotBanned):
		return notBanned(c, u)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This person")
	case err != nil:
		return err
	}
	web.Flash(c, "success", u.Name+" may sign in again.")
	return leadOn(c, personURL(u.ID))
}

func notBanned(c echo.Context, u store.User) error {
	web.Flash(c, "info", u.Name+" is not banned.")
	return leadOn(c, personURL(u.ID))
}

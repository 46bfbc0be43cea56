package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// maxReason is the longest reason of a ban, in characters.
const maxReason = 500

// banTerms are the durations of a ban that the form offers. The key "date" uses the date field beside it.
var banTerms = []struct {
	key, label string
	lasts      time.Duration
}{
	{"never", "Permanent, until you lift it", 0},
	{"hour", "One hour", time.Hour},
	{"day", "One day", 24 * time.Hour},
	{"week", "One week", 7 * 24 * time.Hour},
	{"date", "Until a date", 0},
}

// maxBan is the furthest end of a ban that can be chosen; a longer one has to be permanent.
const maxBan = 10 * 366 * 24 * time.Hour

// banInput holds the fields of a form that bans, as typed.
type banInput struct {
	Reason, Term string
	Date         string
	Tomorrow     string // the earliest date that the form offers; banEnd accepts today as well
	Faults       map[string]string
}

type banView struct {
	frame
	banInput
	User store.User
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
	return a.showBan(c, http.StatusOK, banView{User: u, banInput: a.banDraft(c)})
}

// banDraft returns the fields that were typed before the password was asked for, or those of a new form.
func (a *Console) banDraft(c echo.Context) banInput {
	if typed := a.takeDraft(c); typed != nil {
		return banInput{Reason: typed.Get("reason"), Term: typed.Get("until"), Date: typed.Get("date")}
	}
	return banInput{Term: "never"}
}

func (a *Console) showBan(c echo.Context, status int, view banView) error {
	view.frame = a.userFrame(c, view.User, "Ban "+view.User.Name+"?", "Nothing changes until you confirm below.")
	view.Tomorrow = a.tomorrow()
	return web.Render(c, status, banPage(view))
}

// tomorrow returns the earliest date that a form offers for the end of a ban.
func (a *Console) tomorrow() string { return a.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly) }

// bannable returns the user that the path names. It returns an error if the user does not exist or is me.
func (a *Console) bannable(c echo.Context, me Admin) (store.User, error) {
	u, err := a.loadUndeletedUser(c)
	if err == nil && u.ID == me.ID {
		return u, web.Invalid("This is your own account. Ask another administrator to ban it, or remove your admin role instead.").WithTitle("You can't ban yourself")
	}
	return u, err
}

// ban handles POST /admin/people/:id/ban with the fields reason, until and date.
func (a *Console) ban(c echo.Context, me Admin) error {
	u, err := a.bannable(c, me)
	if err != nil {
		return err
	}
	in, reason, until, err := a.readBan(c)
	if err != nil {
		return err
	}
	view := banView{User: u, banInput: in}
	if len(view.Faults) > 0 {
		return a.showBan(c, http.StatusUnprocessableEntity, view)
	}
	done, err := a.banUser(c, me, u, reason, until)
	switch {
	case errors.Is(err, store.ErrBanned):
		return alreadyBanned(c, u)
	case errors.Is(err, store.ErrLastAdmin):
		view.Faults[""] = u.Name + " is the only administrator who can sign in. Make someone else an administrator first."
		return a.showBan(c, http.StatusConflict, view)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This person")
	case err != nil:
		return err
	}
	return web.RedirectHX(c, receiptURL(done.ID))
}

// readBan returns the fields reason, until and date of a form, as typed and with their faults, and the reason and the
// end of the ban. The error is that of a reason that is not text.
func (a *Console) readBan(c echo.Context) (in banInput, reason string, until time.Time, err error) {
	form := c.Request().PostForm
	in = banInput{Reason: strings.TrimSpace(form.Get("reason")), Term: form.Get("until"), Date: form.Get("date"), Faults: map[string]string{}}
	reason, err = web.Text(c, "reason", maxReason)
	switch {
	case reason == "" && err == nil:
		in.Faults["reason"] = "Enter a reason for the other administrators."
	case err != nil && len([]rune(in.Reason)) > maxReason:
		in.Faults["reason"] = fmt.Sprintf("Use at most %d characters. You entered %s.", maxReason, components.Count(len([]rune(in.Reason))))
	case err != nil:
		return in, "", until, err
	}
	until, fault := a.banEnd(form)
	if fault != "" {
		in.Faults["date"] = fault
	}
	return in, reason, until, nil
}

// banUser bans u until that time, permanently if it is zero, and signs u out everywhere. Its errors are those of
// store.BanUser.
func (a *Console) banUser(c echo.Context, me Admin, u store.User, reason string, until time.Time) (revoke.Receipt, error) {
	detail := map[string]any{"reason": reason}
	if !until.IsZero() {
		detail["until"] = until.UTC().Format(time.RFC3339)
	}
	return a.Revoker.Revoke(c.Request().Context(), revoke.Request{
		UserID: u.ID, Reason: revoke.Banned, Note: reason, By: me.ID,
		With: []store.Change{store.BanUser(u.ID, reason, until, a.Now()), a.audit(c, me, actBanned, kindPerson, u.ID, u.Email, detail)},
	})
}

// banEnd returns when the ban of the form ends, zero for never, or a message that says what is wrong.
func (a *Console) banEnd(form url.Values) (end time.Time, fault string) {
	for _, t := range banTerms {
		if t.key != form.Get("until") {
			continue
		}
		if t.key != "date" {
			// Otherwise, a date beside another choice would result in a ban of unintended length.
			if strings.TrimSpace(form.Get("date")) != "" {
				return time.Time{}, fmt.Sprintf("You chose “%s” above. Choose “Until a date”, or clear this field.", t.label)
			}
			if t.lasts == 0 {
				return time.Time{}, ""
			}
			return a.Now().Add(t.lasts), ""
		}
		day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(form.Get("date")), time.UTC)
		end = day.AddDate(0, 0, 1) // the ban includes that day
		switch {
		case err != nil:
			return time.Time{}, "Enter the last day of the ban."
		case !end.After(a.Now()):
			return time.Time{}, "This date has passed. Choose today or later."
		case end.Sub(a.Now()) > maxBan:
			return time.Time{}, "This is more than 10 years away. Choose a permanent ban instead."
		}
		return end, ""
	}
	return time.Time{}, "Choose how long the ban lasts."
}

// alreadyBanned redirects to the user's page with a message: another administrator was quicker, or the button was
// pressed twice.
func alreadyBanned(c echo.Context, u store.User) error {
	return web.RedirectWithFlash(c, "info", u.Name+" is already banned.", personURL(u.ID))
}

type unbanView struct {
	frame
	User store.User
}

// unbanForm handles GET /admin/people/:id/unban.
func (a *Console) unbanForm(c echo.Context, _ Admin) error {
	u, err := a.loadUndeletedUser(c)
	if err != nil {
		return err
	}
	if !u.Disabled(a.Now()) {
		return notBanned(c, u)
	}
	view := unbanView{User: u, frame: a.userFrame(c, u, "Lift "+u.Name+"'s ban?", "")}
	return web.Render(c, http.StatusOK, unbanPage(view))
}

// unban handles POST /admin/people/:id/unban.
func (a *Console) unban(c echo.Context, me Admin) error {
	u, err := a.loadUndeletedUser(c)
	if err != nil {
		return err
	}
	err = a.unbanUser(c, me, u)
	switch {
	case errors.Is(err, store.ErrNotBanned):
		return notBanned(c, u)
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This person")
	case err != nil:
		return err
	}
	return web.RedirectWithFlash(c, "success", u.Name+" can sign in again.", personURL(u.ID))
}

// unbanUser lifts the ban of u. Its errors are those of store.UnbanUser.
func (a *Console) unbanUser(c echo.Context, me Admin, u store.User) error {
	return a.Store.Apply(c.Request().Context(), store.UnbanUser(u.ID, a.Now()), a.audit(c, me, actUnbanned, kindPerson, u.ID, u.Email, nil))
}

// undoTimeout is how long the lifting of a ban can be undone.
const undoTimeout = 10 * time.Minute

// liftedBan returns when the ban of the row banned would have ended, zero for a permanent one. ok is false if the row
// unbanned did not lift it within undoTimeout, or if it would have ended by now.
func (a *Console) liftedBan(banned, unbanned store.Audit) (until time.Time, ok bool) {
	if text, _ := banned.Detail["until"].(string); text != "" {
		var err error
		if until, err = time.Parse(time.RFC3339, text); err != nil || !until.After(a.Now()) {
			return until, false
		}
	}
	return until, banned.Seq > 0 && unbanned.Seq > banned.Seq && a.Now().Sub(unbanned.At) < undoTimeout
}

// undoUnban handles POST /admin/people/:id/unban/undo: bans a user again, for the reason and until the time of the ban
// that was lifted last.
func (a *Console) undoUnban(c echo.Context, me Admin) error {
	u, err := a.bannable(c, me)
	if err != nil {
		return err
	}
	latest := map[string]store.Audit{}
	for _, action := range []string{actBanned, actUnbanned} {
		rows, _, err := a.Store.AuditRows(c.Request().Context(), store.AuditQuery{Action: action, TargetID: u.ID, Limit: 1})
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			latest[action] = rows[0]
		}
	}
	until, ok := a.liftedBan(latest[actBanned], latest[actUnbanned])
	if !ok {
		web.Flash(c, "info", "This can no longer be undone. You can ban "+u.Name+" again.")
		return web.RedirectHX(c, personURL(u.ID))
	}
	reason, _ := latest[actBanned].Detail["reason"].(string)
	done, err := a.banUser(c, me, u, reason, until)
	switch {
	case errors.Is(err, store.ErrBanned):
		return alreadyBanned(c, u)
	case errors.Is(err, store.ErrLastAdmin):
		web.Flash(c, "warning", u.Name+" is the only administrator who can sign in. Make someone else an administrator first.")
		return web.RedirectHX(c, personURL(u.ID))
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This person")
	case err != nil:
		return err
	}
	return web.RedirectHX(c, receiptURL(done.ID))
}

func notBanned(c echo.Context, u store.User) error {
	return web.RedirectWithFlash(c, "info", u.Name+" is not banned.", personURL(u.ID))
}

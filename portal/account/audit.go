package account

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/attempts"
	"gatehouse/portal/store"
	"gatehouse/web"
)

// perActivityPage is how many lines of the person's own part of the audit a page has.
const perActivityPage = 20

// Why a sign-in failed.
const (
	unknownEmail    = "no account has this email"
	wrongPassword   = "wrong password"
	wrongAgain      = "wrong password, while signed in"
	accountDisabled = "the account is disabled"
	tooManySignIns  = "too many sign-ins"
)

// audit returns the row of the audit about what happened at the account of u. by is the person who is signed in, "" for a
// guest.
func (p *Pages) audit(c echo.Context, action, by string, u store.User, detail map[string]any) store.Change {
	row := store.Audit{
		At: p.Now(), ActorID: by, Action: action, TargetKind: "user", TargetID: u.ID, Target: u.Email,
		IP: web.ClientIP(c), RequestID: web.RequestID(c), Detail: detail,
	}
	if by != "" {
		row.Actor = u.Email
	}
	if u.ID == "" {
		row.TargetKind = "email"
	}
	return store.Audited(row)
}

// signInFailed records that a sign-in to the account of u failed, and returns because, or why it can't be recorded. Whether or not
// there is such an account, it costs the same.
func (p *Pages) signInFailed(c echo.Context, by string, u store.User, reason string, because error) error {
	if err := p.Store.Apply(c.Request().Context(), p.audit(c, store.SignInFailed, by, u, map[string]any{"reason": reason})); err != nil {
		return err
	}
	return because
}

// succeeded counts a sign-in whose password was right, and records it if there were too many.
func (p *Pages) succeeded(c echo.Context, by string, u store.User, attempt *attempts.Attempt) error {
	err := attempt.Succeeded(c.Request().Context(), u.ID)
	if exceeded := (*attempts.Exceeded)(nil); errors.As(err, &exceeded) {
		return p.signInFailed(c, by, u, tooManySignIns, err)
	}
	return err
}

// activity is a page of what the audit has of the person's own account, the newest first.
type activity struct {
	Rows  []activityRow
	Older string // path of the page after, "" for none
	Later bool   // this is not the first page
}

type activityRow struct {
	At      time.Time
	What    string
	Why     string
	Address string
}

func (p *Pages) activity(c echo.Context, v *visitor) (activity, error) {
	before := web.Int(c, "before", 0, 0, 1<<53)
	rows, more, err := p.Store.AuditRows(c.Request().Context(), store.AuditQuery{
		Actions:    []string{store.SignInFailed, store.PasswordChanged, store.EmailChanged},
		TargetKind: "user", TargetID: v.user.ID, Older: int64(before), Limit: perActivityPage,
	})
	if err != nil {
		return activity{}, err
	}
	view := activity{Later: before > 0}
	for _, r := range rows {
		view.Rows = append(view.Rows, activityOf(r))
	}
	if more {
		view.Older = "/sessions?before=" + strconv.FormatInt(rows[len(rows)-1].Seq, 10) + "#activity"
	}
	return view, nil
}

func activityOf(r store.Audit) activityRow {
	row := activityRow{At: r.At, Address: r.IP}
	switch r.Action {
	case store.SignInFailed:
		row.What = "Sign-in failed"
		row.Why, _ = r.Detail["reason"].(string)
	case store.PasswordChanged:
		row.What = "Password changed"
	case store.EmailChanged:
		row.What = "Email changed"
		if change, ok := r.Detail["email"].(map[string]any); ok {
			row.Why = fmt.Sprintf("from %v to %v", change["from"], change["to"])
		}
	}
	return row
}

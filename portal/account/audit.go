package account

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// perActivityPage is the number of rows of the account activity list on a page.
const perActivityPage = 20

// Reasons for which a sign-in failed.
const (
	unknownEmail    = "no account has this email"
	wrongPassword   = "wrong password"
	wrongAgain      = "wrong password, while signed in"
	accountDisabled = "the account is disabled"
	tooManySignIns  = "too many sign-ins"
)

// audit returns the change that adds an audit row about the account of u. by is the id of the signed-in user, "" for
// a guest.
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

// signInFailed records a failed sign-in to the account of u in the audit. It returns because, or the error of
// recording it. It takes the same time whether or not the account exists.
func (p *Pages) signInFailed(c echo.Context, by string, u store.User, reason string, because error) error {
	if err := p.Store.Apply(c.Request().Context(), p.audit(c, store.SignInFailed, by, u, map[string]any{"reason": reason})); err != nil {
		return err
	}
	return because
}

// countSuccess counts a sign-in whose password was right. If there were too many, it records that and returns the
// *ratelimit.Exceeded error.
func (p *Pages) countSuccess(c echo.Context, by string, u store.User, attempt *ratelimit.Attempt) error {
	err := attempt.Succeeded(c.Request().Context(), u.ID)
	if exceeded := (*ratelimit.Exceeded)(nil); errors.As(err, &exceeded) {
		return p.signInFailed(c, by, u, tooManySignIns, err)
	}
	return err
}

// activity is a page of the audit rows about the user's own account, the newest first.
type activity struct {
	Rows  []activityRow
	Older string // path of the next page, "" for none
	Later bool   // this is not the first page
}

type activityRow struct {
	At      time.Time
	What    string
	Why     string
	Address string
}

func (p *Pages) loadActivity(c echo.Context, v *visitor) (activity, error) {
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

package account

import (
	"context"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/web"
)

// notTheirs are the reasons for which others than the person end a sign-in: the person is told at the next one.
var notTheirs = []string{revoke.TokenReplay, revoke.EndedByAdmin, revoke.Banned, revoke.RolesChanged, revoke.TooMany}

const (
	// toldFor is for how long an ending is told of.
	toldFor = 30 * 24 * time.Hour
	// toldOf is how many sign-ins that ended are looked at.
	toldOf = 50
	// tooManyEvery is after how long a person who was told of endings is told again that there were too many sign-ins.
	tooManyEvery = 24 * time.Hour
)

// endedView is an ending, or several alike, that the person should know of.
type endedView struct {
	Reason  string
	At      time.Time // the last of them
	Devices []string  // "Firefox on Linux", without repetition
}

// untold are the endings that the person has not been told of, one for each reason.
func (p *Pages) untold(ctx context.Context, u store.User) ([]endedView, error) {
	reasons := notTheirs
	// A program that signs in every minute ends another of its sign-ins each time.
	if told, err := p.Store.WasTold(ctx, u.ID, p.Now().Add(-tooManyEvery)); err != nil {
		return nil, err
	} else if told {
		reasons = slices.DeleteFunc(slices.Clone(notTheirs), func(reason string) bool { return reason == revoke.TooMany })
	}
	rows, err := p.Store.Untold(ctx, u.ID, reasons, p.Now().Add(-toldFor), toldOf)
	if err != nil {
		return nil, err
	}
	var views []endedView
	of := map[string]int{}
	for _, in := range rows {
		i, ok := of[in.EndReason]
		if !ok {
			i = len(views)
			of[in.EndReason] = i
			views = append(views, endedView{Reason: in.EndReason, At: in.EndedAt})
		}
		name, _ := Device(in.UserAgent)
		views[i].add(name)
	}
	return views, nil
}

func (v *endedView) add(device string) {
	for _, known := range v.Devices {
		if known == device {
			return
		}
	}
	v.Devices = append(v.Devices, device)
}

// Told answers POST /sessions/told: the person has read of the endings, and need not be told again.
func (p *Pages) Told(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		if err := p.Store.Told(c.Request().Context(), v.user.ID, p.Now()); err != nil {
			return err
		}
		if web.WantsFragment(c) {
			return leadOn(c, "/")
		}
		return web.SeeOther(c, "/")
	})
}

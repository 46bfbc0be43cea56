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

// notTheirs are the end reasons that the user did not cause. The user is notified of them at the next sign-in.
var notTheirs = []string{revoke.TokenReplay, revoke.EndedByAdmin, revoke.Banned, revoke.RolesChanged, revoke.TooMany}

const (
	// toldFor is how long after its end a sign-in is reported to the user.
	toldFor = 30 * 24 * time.Hour
	// toldOf is the number of ended sign-ins that are examined.
	toldOf = 50
	// tooManyEvery is the shortest time between two notifications that there were too many sign-ins.
	tooManyEvery = 24 * time.Hour
)

// endedView is one ended sign-in, or several with the same reason, that the user is notified of.
type endedView struct {
	Reason  string
	At      time.Time // when the last of them ended
	Devices []string  // "Firefox on Linux", without repetition
}

// untold returns the ended sign-ins that the user has not been notified of, grouped by reason.
func (p *Pages) untold(ctx context.Context, u store.User) ([]endedView, error) {
	reasons := notTheirs
	// A program that signs in every minute ends another of its sign-ins each time.
	if told, err := p.Store.HasAcknowledged(ctx, u.ID, p.Now().Add(-tooManyEvery)); err != nil {
		return nil, err
	} else if told {
		reasons = slices.DeleteFunc(slices.Clone(notTheirs), func(reason string) bool { return reason == revoke.TooMany })
	}
	rows, err := p.Store.UnacknowledgedSignIns(ctx, u.ID, reasons, p.Now().Add(-toldFor), toldOf)
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

// Told handles POST /sessions/told: it records that the user has read the notifications.
func (p *Pages) Told(c echo.Context) error {
	return p.signedIn(c, func(c echo.Context, v *visitor) error {
		if err := p.Store.Acknowledge(c.Request().Context(), v.user.ID, p.Now()); err != nil {
			return err
		}
		if web.WantsFragment(c) {
			return leadOn(c, "/")
		}
		return web.SeeOther(c, "/")
	})
}

package account

import (
	"context"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// noticeReasons are the end reasons that the user did not cause. The user is notified of them at the next sign-in.
var noticeReasons = []string{revoke.TokenReplay, revoke.EndedByAdmin, revoke.Banned, revoke.RolesChanged, revoke.TooMany}

const (
	// noticePeriod is how long after its end a sign-in is reported to the user.
	noticePeriod = 30 * 24 * time.Hour
	// maxNotices is the number of ended sign-ins that are examined.
	maxNotices = 50
	// tooManyInterval is the shortest time between two notifications that there were too many sign-ins.
	tooManyInterval = 24 * time.Hour
)

// endedView is one ended sign-in, or several with the same reason, that the user is notified of.
type endedView struct {
	Reason  string
	At      time.Time // when the last of them ended
	Devices []string  // "Firefox on Linux", without repetition
}

// endedNotices returns the ended sign-ins that the user has not been notified of, grouped by reason.
func (p *Pages) endedNotices(ctx context.Context, u store.User) ([]endedView, error) {
	reasons := noticeReasons
	// A program that signs in every minute ends another of its sign-ins each time.
	if acknowledged, err := p.Store.HasAcknowledged(ctx, u.ID, p.Now().Add(-tooManyInterval)); err != nil {
		return nil, err
	} else if acknowledged {
		reasons = slices.DeleteFunc(slices.Clone(noticeReasons), func(reason string) bool { return reason == revoke.TooMany })
	}
	rows, err := p.Store.UnacknowledgedSignIns(ctx, u.ID, reasons, p.Now().Add(-noticePeriod), maxNotices)
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
		if name, _ := DescribeDevice(in.UserAgent); !slices.Contains(views[i].Devices, name) {
			views[i].Devices = append(views[i].Devices, name)
		}
	}
	return views, nil
}

// AcknowledgeEnded handles POST /sessions/told: it records that the user has read the notifications.
func (p *Pages) AcknowledgeEnded(c echo.Context) error {
	return p.requireSignIn(c, func(c echo.Context, v *visitor) error {
		if err := p.Store.Acknowledge(c.Request().Context(), v.user.ID, p.Now()); err != nil {
			return err
		}
		return web.RedirectHX(c, "/")
	})
}

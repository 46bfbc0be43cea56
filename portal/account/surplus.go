package account

import (
	"context"
	"sync"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/web"
)

const (
	// maxSignIns is the limit of active sign-ins of an account; one more ends the one that was used least recently.
	maxSignIns = 100
	// maxSurplus limits how many end at one sign-in, for accounts that had more before the limit was introduced.
	maxSurplus = 5
)

// endSurplus hands the sign-ins beyond maxSignIns that were used least recently to Run, so that the current sign-in
// does not wait for their apps. If Run is behind, or an error occurs, the next sign-in tries again.
func (p *Pages) endSurplus(c echo.Context, userID string) {
	ctx := c.Request().Context()
	sids, err := p.Store.SurplusSignIns(ctx, userID, maxSignIns, maxSurplus)
	if err != nil {
		web.Logger(c).WarnContext(ctx, "cannot end the sign-ins beyond the limit", "error", err, "sub", userID)
	}
	if err != nil || len(sids) == 0 {
		return
	}
	select {
	case p.surplus <- sids:
	default:
		web.Logger(c).WarnContext(ctx, "queue full; the sign-ins beyond the limit end at the next sign-in", "sub", userID)
	}
}

// Run ends the sign-ins beyond the limit of an account, until ctx ends. Then it returns nil.
func (p *Pages) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case sids := <-p.surplus:
			var wg sync.WaitGroup
			for _, sid := range sids {
				wg.Go(func() {
					if _, err := p.Revoker.Revoke(ctx, revoke.Request{SID: sid, Reason: revoke.TooMany}); err != nil {
						p.Logger.WarnContext(ctx, "cannot end a sign-in beyond the limit", "error", err, "sid", sid)
					}
				})
			}
			wg.Wait()
		}
	}
}

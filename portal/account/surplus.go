package account

import (
	"context"

	"gatehouse/portal/revoke"
)

const (
	// maxSignIns is how many active sign-ins an account has; the one used least recently ends when there is another.
	maxSignIns = 100
	// surplusAtOnce is how many end at one sign-in, where an account has had more since before there was a limit.
	surplusAtOnce = 5
)

// endSurplus ends the sign-ins beyond maxSignIns that were used least recently. What fails is made up for at the next
// sign-in: this one is done.
func (p *Pages) endSurplus(ctx context.Context, userID string) {
	sids, err := p.Store.SurplusSignIns(ctx, userID, maxSignIns, surplusAtOnce)
	if err != nil {
		return
	}
	for _, sid := range sids {
		if _, err := p.Revoker.Revoke(ctx, revoke.Request{SID: sid, Reason: revoke.TooMany}); err != nil {
			return
		}
	}
}

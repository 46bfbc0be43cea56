package account

import (
	"context"

	"gatehouse/portal/revoke"
)

const (
	// maxSignIns is the limit of active sign-ins of an account; one more ends the one that was used least recently.
	maxSignIns = 100
	// surplusAtOnce limits how many end at one sign-in, for accounts that had more before the limit was introduced.
	surplusAtOnce = 5
)

// endSurplus ends the sign-ins beyond maxSignIns that were used least recently. It ignores errors: the current
// sign-in is complete, and the next one tries again.
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

package portal

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"gatehouse/portal/store"
)

// upkeepEvery is how often expired records are cleared away.
const upkeepEvery = time.Hour

// expiredFor is how long an expired refresh token stays, so that its use is still
// recognised as late.
const expiredFor = 24 * time.Hour

// upkeep clears away what nobody can use any more. Replicas need not take turns:
// to delete twice does no harm.
type upkeep struct {
	records *store.Store
	now     func() time.Time
	log     *slog.Logger
}

func (u *upkeep) run(ctx context.Context) error {
	if n, err := u.records.IndexPeople(ctx); err != nil && ctx.Err() == nil {
		u.log.Warn("not everybody can be found in the console's search", "error", err)
	} else if n > 0 {
		u.log.Info("people who were here before the console's search can be found", "people", n)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(upkeepEvery/2 + rand.N(upkeepEvery)):
		}
		if err := u.records.PurgeRefreshTokens(ctx, u.now().Add(-expiredFor)); err != nil && ctx.Err() == nil {
			u.log.Warn("expired refresh tokens were not cleared away", "error", err)
		}
	}
}

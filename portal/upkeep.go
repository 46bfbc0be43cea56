package portal

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"gatehouse/portal/store"
)

// upkeepEvery is the average interval between deletions of expired records.
const upkeepEvery = time.Hour

// expiredFor is how long an expired refresh token is kept, so that its use is still recognised as late.
const expiredFor = 24 * time.Hour

// rememberedFor is how long ended or unused sign-ins, and receipts, are kept.
const rememberedFor = 90 * 24 * time.Hour

// upkeep deletes expired records. Replicas need no coordination: deleting twice is harmless.
type upkeep struct {
	records *store.Store
	now     func() time.Time
	log     *slog.Logger
}

func (u *upkeep) run(ctx context.Context) error {
	if n, err := u.records.IndexUsers(ctx); err != nil && ctx.Err() == nil {
		u.log.Warn("cannot add all users to the console's search index", "error", err)
	} else if n > 0 {
		u.log.Info("added users to the console's search index", "people", n)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(upkeepEvery/2 + rand.N(upkeepEvery)):
		}
		u.clear(ctx)
	}
}

func (u *upkeep) clear(ctx context.Context) {
	now := u.now()
	for what, purge := range map[string]func() error{
		"refresh tokens": func() error { return u.records.PurgeRefreshTokens(ctx, now.Add(-expiredFor)) },
		"sign-ins":       func() error { return u.records.PurgeSignIns(ctx, now.Add(-rememberedFor)) },
		"receipts":       func() error { return u.records.PurgeReceipts(ctx, now.Add(-rememberedFor)) },
	} {
		if err := purge(); err != nil && ctx.Err() == nil {
			u.log.Warn("cannot delete expired records", "what", what, "error", err)
		}
	}
}
